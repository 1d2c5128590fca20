from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier
from sklearn.utils.estimator_checks import parametrize_with_checks

from embedkit.heads.neighbors import NearestNeighborsClassifier


@parametrize_with_checks([NearestNeighborsClassifier()])
def test_it_keeps_the_contract_of_scikit_learn(estimator: Any, check: Any) -> None:
    check(estimator)


def test_the_majority_of_the_k_nearest_wins() -> None:
    head = NearestNeighborsClassifier(3).fit([[0.0], [1.0], [2.0], [9.0]], ["a", "b", "b", "a"])
    assert head.predict([[0.1]]) == ["b"]


@pytest.mark.parametrize(("at", "winner"), [(0.4, "b"), (0.6, "a")])
def test_the_nearest_breaks_a_tie(at: float, winner: str) -> None:
    head = NearestNeighborsClassifier(2).fit([[1.0], [0.0]], ["a", "b"])
    assert head.predict([[at]]) == [winner]


def test_among_two_pairs_the_one_with_the_nearest_member_wins() -> None:
    head = NearestNeighborsClassifier(4).fit([[1.0], [2.0], [3.0], [4.0]], ["b", "a", "a", "b"])
    assert head.predict([[0.0]]) == ["b"]


def test_at_one_label_per_class_five_neighbours_decide_as_one_does() -> None:
    rng = np.random.default_rng(0)
    X, queries = rng.normal(size=(10, 8)), rng.normal(size=(200, 8))
    five, one = (NearestNeighborsClassifier(k).fit(X, range(10)).predict(queries) for k in (5, 1))
    np.testing.assert_array_equal(five, one)


def test_fewer_rows_than_neighbours_all_vote() -> None:
    head = NearestNeighborsClassifier(50).fit([[0.0], [1.0], [2.0]], ["a", "b", "b"])
    np.testing.assert_allclose(head.predict_proba([[-1.0]]), [[1 / 3, 2 / 3]], atol=1e-6)


def test_probabilities_are_shares_of_the_votes() -> None:
    head = NearestNeighborsClassifier(4).fit([[0.0], [1.0], [2.0], [3.0], [99.0]], ["a", "b", "b", "b", "c"])
    np.testing.assert_allclose(head.predict_proba([[0.0]]), [[0.25, 0.75, 0]], atol=1e-6)


@pytest.mark.parametrize(
    ("metric", "winner"),
    [("euclidean", "diagonal"), ("manhattan", "beside"), ("cosine", "far")],
)
def test_the_metric_decides_who_is_near(metric: str, winner: str) -> None:
    X = [[2.0, 1.0], [1.0, -1.5], [50.0, 1.0]]  # from (1, 0): 1.41, 1.5 and 49 in a line; 2, 1.5 and 50 in city blocks
    head = NearestNeighborsClassifier(1, metric).fit(X, ["diagonal", "beside", "far"])
    assert head.predict([[1.0, 0.0]]) == [winner]


@pytest.mark.parametrize("metric", ["euclidean", "cosine", "manhattan"])
def test_without_ties_it_agrees_with_scikit_learn(metric: str) -> None:
    rng = np.random.default_rng(1)
    X, y, queries = rng.normal(size=(60, 5)), rng.integers(0, 2, 60), rng.normal(size=(100, 5))
    ours = NearestNeighborsClassifier(3, metric).fit(X, y)
    theirs = KNeighborsClassifier(3, metric=metric).fit(X, y)
    np.testing.assert_array_equal(ours.predict(queries), theirs.predict(queries))
    np.testing.assert_allclose(ours.predict_proba(queries), theirs.predict_proba(queries), atol=1e-6)
