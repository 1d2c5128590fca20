from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors
from sklearn.utils.estimator_checks import parametrize_with_checks

from embedkit.heads.neighbors import NearestNeighborsClassifier, NearestNeighborsRegressor, nearest


@parametrize_with_checks(
    [
        NearestNeighborsClassifier(),
        NearestNeighborsClassifier(metric="cosine", weights="softmax"),
        NearestNeighborsClassifier(metric="manhattan", weights="distance"),
        NearestNeighborsClassifier(metric="whitened"),
        NearestNeighborsRegressor(),
        NearestNeighborsRegressor(metric="whitened", weights="distance"),
    ]
)
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


@pytest.mark.parametrize(("metric", "name"), [("euclidean", "euclidean"), ("cityblock", "manhattan")])
def test_neighbours_and_distances_are_those_of_scikit_learn(metric: str, name: str) -> None:
    rng = np.random.default_rng(1)
    rows, queries = rng.normal(size=(60, 5)) + 10, rng.normal(size=(100, 5)) + 10
    distances, indices = NearestNeighbors(n_neighbors=7, metric=name, algorithm="brute").fit(rows).kneighbors(queries)
    ours, apart = nearest(rows, queries, 7, metric)
    np.testing.assert_array_equal(ours, indices)
    np.testing.assert_allclose(apart, distances)


@pytest.mark.parametrize("metric", ["euclidean", "cityblock"])
def test_of_equal_rows_the_first_is_the_nearest(metric: str) -> None:
    rng = np.random.default_rng(1)
    queries = rng.normal(size=(50, 64))
    rows = np.concatenate([np.tile(rng.normal(size=64), (40, 1)), rng.normal(size=(1, 64)) + 9])
    indices, distances = nearest(rows, queries, 5, metric)
    np.testing.assert_array_equal(indices, np.tile(np.arange(5), (50, 1)))
    np.testing.assert_array_equal(distances, distances[:, :1] * np.ones(5))


def test_a_query_that_is_a_row_is_at_distance_zero() -> None:
    rows = np.random.default_rng(1).normal(size=(30, 64)) + 100
    assert not nearest(rows, rows, 3, "euclidean")[1][:, 0].any()


def test_votes_may_count_by_one_over_the_distance() -> None:
    head = NearestNeighborsClassifier(3, weights="distance").fit([[1.0], [-2.0], [4.0], [9.0]], ["a", "b", "b", "c"])
    np.testing.assert_allclose(head.predict_proba([[0.0]]), [[4 / 7, 3 / 7, 0]], atol=1e-6)  # 1; 1/2 + 1/4


def test_neighbours_at_distance_zero_outvote_all_others() -> None:
    head = NearestNeighborsClassifier(4, weights="distance").fit([[0.0], [0.0], [0.1], [0.1]], ["a", "b", "c", "c"])
    np.testing.assert_allclose(head.predict_proba([[0.0]]), [[1 / 2, 1 / 2, 0]], atol=1e-6)


def test_votes_may_count_by_the_softmax_of_the_cosine() -> None:
    X = [[1.0, 0.0], [0.8, 0.6], [0.0, 5.0]]  # at cosines of 1, 0.8 and 0 from the query
    head = NearestNeighborsClassifier(3, "cosine", "softmax").fit(X, ["a", "b", "c"])
    votes = np.exp(np.array([1, 0.8, 0]) / 0.07)
    np.testing.assert_allclose(head.predict_proba([[7.0, 0.0]]), [votes / votes.sum()], rtol=1e-5)


@pytest.mark.parametrize(("counts", "d"), [((9, 8, 7), 4), ((2, 2, 1), 64)])
def test_whitened_is_the_mahalanobis_distance_by_the_shrunk_covariance_within_classes(
    counts: tuple[int, ...], d: int
) -> None:
    rng = np.random.default_rng(0)
    y = np.repeat(np.arange(3), counts)
    X, queries = (rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) for n in (len(y), 50))
    within = X - np.stack([X[y == c].mean(axis=0) for c in range(3)])[y]
    scatter = within.T @ within
    m = len(y) - 3
    shrinkage = max(d / (m + d), 0.95)
    covariance = (1 - shrinkage) * scatter / m + shrinkage * np.trace(scatter) / (m * d) * np.eye(d)
    expected = cdist(queries, X, "mahalanobis", VI=np.linalg.inv(covariance)).argsort(axis=1)
    ours = NearestNeighborsClassifier(1, "whitened").fit(X, y)
    np.testing.assert_array_equal(ours.predict(queries), y[expected[:, 0]])


def test_rotation_shift_and_scale_do_not_matter_to_whitened_neighbours() -> None:
    rng = np.random.default_rng(0)
    X, y, queries = rng.normal(size=(30, 8)) * np.arange(1, 9), rng.normal(size=30), rng.normal(size=(40, 8)) * 5
    rotation = np.linalg.qr(rng.normal(size=(8, 8)))[0]
    head = NearestNeighborsRegressor(4, "whitened", "distance")
    here = head.fit(X, y).predict(queries)
    np.testing.assert_allclose(head.fit(3 * X @ rotation + 5, y).predict(3 * queries @ rotation + 5), here)


@pytest.mark.parametrize(
    ("weights", "predicted"),
    [("uniform", (2 + 4 + 9) / 3), ("distance", (2 / 1 + 4 / 2 + 9 / 3) / (1 + 1 / 2 + 1 / 3))],
)
def test_the_regressor_takes_the_weighted_mean_of_the_neighbours(weights: str, predicted: float) -> None:
    head = NearestNeighborsRegressor(3, weights=weights).fit([[1.0], [-2.0], [3.0], [9.0]], [2, 4, 9, 100])
    np.testing.assert_allclose(head.predict([[0.0]]), predicted)


def test_with_fewer_rows_than_neighbours_the_regressor_takes_the_mean_of_all() -> None:
    np.testing.assert_allclose(NearestNeighborsRegressor(5).fit([[0.0], [1.0]], [2.0, 5.0]).predict([[9.0]]), 3.5)


@pytest.mark.parametrize(
    ("params", "problem"),
    [
        ({"metric": "cosin"}, "metric must be one of euclidean, cosine, manhattan, whitened, got 'cosin'"),
        ({"weights": "equal"}, "weights must be one of uniform, distance, softmax, got 'equal'"),
        ({"weights": "softmax"}, "weights='softmax' needs metric='cosine', got metric='euclidean'"),
    ],
)
def test_unknown_metrics_and_weights_are_errors(params: dict[str, str], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        NearestNeighborsClassifier(**params).fit([[0.0], [1.0]], [0, 1])
