"""What has led heads astray, on scikit-learn's digits."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits

from embedkit.errors import NotApplicable
from embedkit.heads import make_head, names
from embedkit.heads.head import TASKS
from embedkit.heads.problem import Problem, Rows
from embedkit.selection import applicable
from embedkit.spec import parse

every_head = pytest.mark.parametrize("name", names("classification"))
every_head_and_task = pytest.mark.parametrize(
    ("name", "task"), [(name, task) for task in TASKS for name in names(task)]
)


LIGHTER = {
    "forest": "forest(trees=60)",
    "extra_trees": "extra_trees(trees=60)",
    "hist_gradient_boosting": "hist_gradient_boosting(trees=50)",
    "best": "best(heads=[ridge, svm, knn])",
}
"""Contracts hold with fewer trees and fewer members too, and are told sooner."""


def made(name: str, seed: int = 0, task: Any = "classification") -> Any:
    return make_head(LIGHTER.get(name, name), seed, task)


@cache
def split() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Rows of pixels (n, 64) float32 and digits (n,): 997 to draw labels from, then 800 to test on."""
    X, y = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(y))
    X, y = X[order].astype(np.float32), y[order]
    return X[:-800], y[:-800], X[-800:], y[-800:]


def draw(per_class: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """So many rows of each digit."""
    X, y, _, _ = split()
    order = np.random.default_rng(seed).permutation(len(y))
    chosen = np.concatenate([order[y[order] == digit][:per_class] for digit in range(10)])
    return X[chosen], y[chosen]


def accuracy(spec: str, per_class: int, draws: int = 3) -> float:
    """In percent, over the same draws for every head."""
    _, _, X, y = split()
    return 100 * float(
        np.mean([make_head(spec, seed).fit(*draw(per_class, seed)).score(X, y) for seed in range(draws)])
    )


@pytest.mark.parametrize("per_class", [1, 2, 5])
@pytest.mark.parametrize("name", ["xgboost", "hist_gradient_boosting"])
def test_boosted_trees_beat_a_single_one_from_one_label_per_class_on(name: str, per_class: int) -> None:
    assert accuracy(name, per_class) > accuracy("tree", per_class) + 10


@pytest.mark.parametrize("per_class", [1, 2])
@pytest.mark.parametrize("name", ["lda", "qda"])
def test_a_shrunken_covariance_costs_nothing_where_there_are_too_few_labels_for_one(name: str, per_class: int) -> None:
    assert accuracy(name, per_class) > accuracy("centroid", per_class) - 3


def test_five_neighbours_at_one_label_per_class_are_as_good_as_one() -> None:
    X, y = draw(1)
    five, one = (make_head(f"knn(k={k})").fit(X, y).predict(split()[2]) for k in (5, 1))
    np.testing.assert_array_equal(five, one)
    assert accuracy("knn(k=5)", 1) > 55  # where ties went to the lowest digit it was 10


@pytest.mark.parametrize(
    ("per_class", "at_least", "tree"), [(1, 40, 15), (5, 75, 50)], ids=["one label per class", "five labels per class"]
)
@every_head
def test_few_labels_suffice_for(name: str, per_class: int, at_least: int, tree: int) -> None:
    assert accuracy(name, per_class, draws=1) > (tree - 5 if name == "tree" else at_least)


FASTER = {
    "extra_trees": "extra_trees(trees=30)",
    "hist_gradient_boosting": "hist_gradient_boosting(trees=10, max_features=0.2)",
    "xgboost": "xgboost(trees=20)",
    "cluster_then_label": "cluster_then_label(clusters=1000)",
}


@every_head
@pytest.mark.filterwarnings("ignore:The number of unique classes is greater than 50%")
def test_a_thousand_classes_with_a_label_each_are_told_apart_or_refused(name: str) -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1000, 16)).astype(np.float32)
    problem = Problem(Rows(X), np.arange(1000), np.arange(1000), "classification", 1000, 0)
    if name in ("tree", "forest", "gaussian_process"):
        with pytest.raises(NotApplicable, match=f"{name} takes up to [35]00 (classes|labels); the draw has 1000"):
            applicable(parse(name), problem)
        return
    assert applicable(parse(name), problem)
    queries = X[::10] + 0.1 * rng.normal(size=(100, 16)).astype(np.float32)
    head = make_head(FASTER.get(name, name)).fit(X, problem.y)
    assert np.mean(head.predict(queries) == problem.y[::10]) > 0.5  # chance: 0.001


@every_head_and_task
def test_rows_that_are_not_finite_are_an_error_that_names_the_first(name: str, task: str) -> None:
    X, y = draw(3)
    bad = X.copy()
    bad[3, 7], bad[20, 8] = np.nan, -np.inf
    problem = r"2 of 30 rows hold NaN or infinity as float(32|64) \(first: row 3\)"
    with pytest.raises(ValueError, match=problem):
        made(name, 0, task).fit(bad, y)
    head = made(name, 0, task).fit(X, y)
    for method in ("predict", "predict_proba"):
        if hasattr(head, method):
            with pytest.raises(ValueError, match=problem):
                getattr(head, method)(bad)


@every_head_and_task
def test_float16_rows_are_taken_for_the_numbers_they_hold(name: str, task: str) -> None:
    X, y = draw(3)
    half = (X / 7).astype(np.float16)
    queries = (split()[2][:100] / 7).astype(np.float16)
    first, same = (
        made(name, 0, task).fit(half.astype(dtype), y).predict(queries.astype(dtype))
        for dtype in (np.float16, np.float32)
    )
    np.testing.assert_allclose(first, same, rtol=1e-4, atol=1e-4)


@every_head
def test_rows_and_labels_need_not_lie_side_by_side_in_memory(name: str) -> None:
    X, y = draw(3)
    labels = np.array(["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"])[y]
    wide = np.zeros((60, 128), dtype=np.float32)
    wide[::2, ::2] = X
    strided = np.repeat(labels, 2)[::2]
    queries = split()[2][:50]
    plain, apart = (
        made(name).fit(*of).predict(rows)
        for of, rows in (((X, labels), queries), ((wide[::2, ::2], strided), np.asfortranarray(queries)))
    )
    np.testing.assert_array_equal(plain, apart)


@every_head
def test_copies_of_the_labelled_rows_do_no_harm(name: str) -> None:
    X, y = draw(2)
    head = made(name).fit(np.repeat(X, 3, axis=0), np.repeat(y, 3))
    _, _, queries, truth = split()
    assert np.mean(head.predict(X) == y) == 1
    assert head.score(queries, truth) > (0.2 if name == "tree" else 0.5)


@every_head
def test_equal_rows_of_different_classes_are_no_failure(name: str) -> None:
    X, y = draw(2)
    head = made(name).fit(np.concatenate([X, X]), np.concatenate([y, 9 - y]))
    assert set(head.predict(X)) <= set(range(10))


@every_head
def test_two_images_are_enough_for_two_classes(name: str) -> None:
    X, y = draw(1)
    head = made(name).fit(X[:2], y[:2])
    _, _, queries, truth = split()
    of_two = truth < 2
    floor = {"tree": 0.3, "xgboost": 0.6}.get(name, 0.8)  # a few pixels decide
    assert head.score(queries[of_two], truth[of_two]) > floor
