"""Neighbours, weights and what flows along them, against dense computations."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import normalize

from embedkit.heads import graph
from embedkit.heads.graph import Graph, nearest_in, settled


def rows(n: int = 200, d: int = 7, seed: int = 0) -> np.ndarray:
    return (np.random.default_rng(seed).normal(size=(n, d)) + 5).astype(np.float32)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_neighbours_are_those_of_scikit_learn(metric: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph, "CHUNK_NUMBERS", 5000)  # several chunks
    X, queries = rows(), rows(50, seed=1)
    seen, asked = (normalize(each) if metric == "cosine" else each for each in (X, queries))
    reference = NearestNeighbors(n_neighbors=6, algorithm="brute").fit(seen.astype(np.float64))
    for same, (distances, indices) in ((True, reference.kneighbors()), (False, reference.kneighbors(asked))):
        found = nearest_in(X, X if same else queries, 6, metric, same)
        np.testing.assert_array_equal(found[0], indices)
        np.testing.assert_allclose(found[1], distances, rtol=1e-4)


def test_a_common_offset_does_not_disturb_neighbours() -> None:
    X = rows()
    near, far = (nearest_in(each, each, 5, "euclidean", same=True)[0] for each in (X, X + 1000))
    assert np.mean(near == far) > 0.99  # float32 holds four digits less of them


def test_of_equal_rows_none_is_its_own_neighbour_and_the_first_come_first() -> None:
    indices, distances = nearest_in(
        np.ones((4, 2), dtype=np.float32), np.ones((4, 2), dtype=np.float32), 2, "cosine", True
    )
    np.testing.assert_array_equal(indices, [[1, 2], [0, 2], [0, 1], [0, 1]])
    np.testing.assert_array_equal(distances, 0)


def test_fewer_rows_than_neighbours_are_all_neighbours() -> None:
    assert nearest_in(rows(3), rows(3), 10, "cosine", same=True)[0].shape == (3, 2)


def test_weights_fall_with_the_distance_in_units_of_half_the_reach() -> None:
    X = np.array([[0.0], [1.0], [3.0]], dtype=np.float32)
    made = Graph(nearest_in(X, X, 1, "euclidean", same=True), 1)
    # neighbours: 0-1, 1-0, 2-1; halves of the distances to them: 0.5, 0.5, 1
    weights = np.array([[0, np.exp(-4), 0], [np.exp(-4), 0, np.exp(-8)], [0, np.exp(-8), 0]])
    sums = weights.sum(axis=1)
    np.testing.assert_allclose(made.roots, np.sqrt(sums))
    np.testing.assert_allclose(made.flow.toarray(), weights / np.sqrt(sums[:, None] * sums), rtol=1e-12)


def test_the_flow_settles_where_a_dense_solution_says() -> None:
    X = rows(60)
    made = Graph(nearest_in(X, X, 5, "cosine", same=True), 5)
    sources = np.random.default_rng(1).random((60, 3))
    shares = np.array([0.5, 0.9, 0.99])
    found = settled(made.flow, shares, sources)
    for column, share in enumerate(shares):
        expected = np.linalg.solve(np.eye(60) - share * made.flow.toarray(), sources[:, column])
        np.testing.assert_allclose(found[:, column], expected, rtol=1e-3)


def test_rows_that_are_fixed_have_nothing() -> None:
    X = rows(60)
    made = Graph(nearest_in(X, X, 5, "cosine", same=True), 5)
    sources = np.random.default_rng(1).random((60, 2))
    sources[:10] = 0
    found = settled(made.flow, np.array([0.9, 0.9]), sources, np.arange(10))
    inside = np.eye(50) - 0.9 * made.flow.toarray()[10:, 10:]
    np.testing.assert_allclose(found[10:], np.linalg.solve(inside, sources[10:]), rtol=1e-3)
    np.testing.assert_array_equal(found[:10], 0)


def test_columns_may_be_solved_some_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    X = rows(60)
    made = Graph(nearest_in(X, X, 5, "cosine", same=True), 5)
    sources = np.random.default_rng(1).random((60, 5))
    together = settled(made.flow, np.full(5, 0.9), sources)
    monkeypatch.setattr(graph, "SOLVED_NUMBERS", 130)
    np.testing.assert_allclose(settled(made.flow, np.full(5, 0.9), sources), together, rtol=1e-3)


def test_a_query_that_is_a_row_has_itself_for_the_first_neighbour() -> None:
    X = rows()
    made = Graph(nearest_in(X, X, 5, "cosine", same=True), 5)
    places = np.array([3, 70])
    for own, asked in zip(made.own_neighbors(places), nearest_in(X, X[places], 5, "cosine"), strict=True):
        np.testing.assert_allclose(own, asked, atol=1e-6)


def test_votes_are_weighted_means() -> None:
    X = np.array([[0.0], [1.0], [3.0]], dtype=np.float32)
    made = Graph(nearest_in(X, X, 2, "euclidean", same=True), 2)  # halves of the reaches: 1.5, 1, 1.5
    neighbors = (np.array([[0, 1]]), np.array([[0.5, 1.5]], dtype=np.float32))
    weights = np.exp([-(0.5**2) / (0.75 * 1.5), -(1.5**2) / (0.75 * 1.0)])
    expected = weights @ [[1, 0], [0, 1]] / weights.sum()
    np.testing.assert_allclose(made.votes(neighbors, np.eye(3)[:, :2]), [expected], rtol=1e-6)


@pytest.mark.slow
def test_memory_is_bounded_at_100000_rows_of_512_numbers() -> None:
    X = np.random.default_rng(0).normal(size=(100_000, 512)).astype(np.float32)
    tracemalloc.start()
    nearest_in(X, X[:1000], 32, "cosine")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**30
