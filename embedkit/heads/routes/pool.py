"""Heads that use the pool, on a graph and on clusters that all draws and folds share."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from embedkit.heads import clusters, graph
from embedkit.heads.graph import Graph, Neighbors, nearest_in
from embedkit.heads.label_graph import propagate, spread
from embedkit.heads.pool import Pool
from embedkit.heads.problem import Predict, Prediction, Problem, Queries, as_prediction
from embedkit.pool_artefacts import Arrays

NEIGHBORS_KEPT = 32
"""So many neighbours are found once for all heads that use no more."""

Candidates = Sequence[dict[str, Any]]

Distributions = Callable[[Graph, np.ndarray, np.ndarray, Candidates], list[np.ndarray]]
"""From a graph, labelled places and codes to the distributions of all rows for each of some candidates."""


def fit_spreading(problem: Problem, candidates: Candidates) -> Predict:
    """Label spreading; candidates with one graph are solved for together."""
    return _on_graphs(
        problem,
        candidates,
        lambda graph, places, codes, params: spread(
            graph, places, codes, [each["alpha"] for each in params], [each["class_mass"] for each in params]
        ),
    )


def fit_propagation(problem: Problem, candidates: Candidates) -> Predict:
    """Label propagation; candidates with one graph are solved for together."""
    return _on_graphs(
        problem,
        candidates,
        lambda graph, places, codes, params: propagate(graph, places, codes, [each["class_mass"] for each in params]),
    )


def _on_graphs(problem: Problem, candidates: Candidates, distributions: Distributions) -> Predict:
    pool, places = problem.pool
    classes, codes = np.unique(problem.y, return_inverse=True)
    graphs = [(params["metric"], params["k"]) for params in candidates]
    made: dict[int, np.ndarray] = {}
    for metric, k in dict.fromkeys(graphs):
        here = [place for place, of in enumerate(graphs) if of == (metric, k)]
        found = distributions(pool_graph(pool, metric, k), places, codes, [candidates[place] for place in here])
        made.update(zip(here, found, strict=True))

    def predict(queries: Queries) -> list[Prediction]:
        predictions = []
        for place, (metric, k) in enumerate(graphs):
            votes = pool_graph(pool, metric, k).votes(_neighbors_of(queries, pool, metric, k), made[place])
            predictions.append(as_prediction(votes, classes, problem))
        return predictions

    return predict


def pool_graph(pool: Pool, metric: str, k: int) -> Graph:
    """The graph of the pool's k nearest neighbours."""
    return pool.once(("graph", metric, k), lambda: Graph(_neighbors_in(pool, None, metric, k), k))


def _neighbors_in(pool: Pool, queries: np.ndarray | None, metric: str, k: int) -> Neighbors:
    """In the pool, of its own rows or of queries (q, d)."""
    kept = max(k, NEIGHBORS_KEPT)
    of = "pool" if queries is None else hashlib.sha256(queries.tobytes()).hexdigest()

    def make(X: np.ndarray) -> Arrays:
        indices, distances = nearest_in(X, X if queries is None else queries, kept, metric, same=queries is None)
        return {"indices": indices, "distances": distances}

    recipe = {"neighbors": kept, "of": of, "metric": metric, "version": graph.VERSION}
    found = pool.once((kept, of, metric), lambda: pool.on_disk(recipe, make))
    return found["indices"][:, :k], found["distances"][:, :k]


def _neighbors_of(queries: Queries, pool: Pool, metric: str, k: int) -> Neighbors:
    if queries.places is not None:
        return pool_graph(pool, metric, k).own_neighbors(queries.places)
    return _neighbors_in(pool, queries.X, metric, k)


def fit_clusters(problem: Problem, candidates: Candidates) -> Predict:
    """Cluster-then-label, on clusters of the pool that are found once."""
    pool, places = problem.pool
    classes, codes = np.unique(problem.y, return_inverse=True)
    centers = [_pool_centers(pool, params["clusters"], params["metric"]) for params in candidates]
    distributions = [
        clusters.named(each, pool.X[places], codes, params["metric"])
        for each, params in zip(centers, candidates, strict=True)
    ]

    def predict(queries: Queries) -> list[Prediction]:
        return [
            as_prediction(of[clusters.nearest_clusters(each, queries.X, params["metric"])], classes, problem)
            for each, of, params in zip(centers, distributions, candidates, strict=True)
        ]

    return predict


def _pool_centers(pool: Pool, n_clusters: int, metric: str) -> np.ndarray:
    recipe = {"clusters": n_clusters, "metric": metric, "version": clusters.VERSION}

    def make(X: np.ndarray) -> Arrays:
        return {"centers": clusters.cluster_centers(X, n_clusters, metric)}

    return pool.once(("clusters", metric, n_clusters), lambda: pool.on_disk(recipe, make))["centers"]
