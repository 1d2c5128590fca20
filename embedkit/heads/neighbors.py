"""Heads that compare embeddings by distance: k nearest neighbours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from scipy.spatial.distance import cdist
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.preprocessing import normalize
from sklearn.utils.extmath import row_norms
from sklearn.utils.validation import check_is_fitted

from embedkit.heads.arrays import as_numpy, on_device
from embedkit.heads.covariance import helmert, principal_axes
from embedkit.heads.finite import validate_rows
from embedkit.heads.targets import classes_and_codes

METRICS = ("euclidean", "cosine", "manhattan", "whitened")
WEIGHTS = ("uniform", "distance", "softmax")
TEMPERATURE = 0.07
SHRINKAGE_MIN = 0.95
FEW_NEIGHBORS = 3
CHUNK_DISTANCES = 2**22


class NearestNeighborsClassifier(ClassifierMixin, BaseEstimator):
    """Vote of the k nearest labelled rows; among classes with equal votes the one with the nearest member wins.

    With fewer than k labelled rows all of them vote. Of rows at equal distances the first is the nearest.
    (scikit-learn's own classifier gives ties to the lowest label, so that at one label per class it predicts nearly at
    random, and fails in `predict` when k exceeds n.)

    Parameters
    ----------
    n_neighbors : int
    metric : {"euclidean", "cosine", "manhattan", "whitened"}
        "whitened" is the Mahalanobis distance by the covariance within classes, shrunk towards a multiple of the
        identity by d / (m + d), m = n - C, and at least by 0.95: whitened in full, all directions hold equally much
        noise, and more labels do harm (seen on images carved from CIFAR-10's training set).
    weights : {"uniform", "distance", "softmax"}
        Of a vote: equal; one over the distance, where neighbours at distance 0 outvote all others; or
        exp(cosine similarity / 0.07) as in DINO (Caron et al. 2021), for the metric "cosine" only.
    device : str
        Where products of rows are made; Manhattan distances are always made on the CPU.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    """

    def __init__(
        self, n_neighbors: int = 5, metric: str = "euclidean", weights: str = "uniform", device: str = "cpu"
    ) -> None:
        self.n_neighbors = n_neighbors
        self.metric = metric
        self.weights = weights
        self.device = device

    def fit(self, X: Any, y: Any) -> NearestNeighborsClassifier:
        """Keep `X` (n, d) and `y` (n,)."""
        X, y = validate_rows(self, X, y, dtype=(np.float64, np.float32))
        self.classes_, self._codes = classes_and_codes(self, y, n_classes_min=1)
        _keep(self, X, [X[self._codes == c] for c in range(len(self.classes_))])
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Share of the votes, (n, n_classes); ties are broken by a share of less than 1e-6."""
        return next(self.staged_predict_proba(X, [self.n_neighbors]))

    def staged_predict_proba(self, X: Any, stages: Sequence[int]) -> Iterator[np.ndarray]:
        """The same for each of some rising numbers of neighbours, up to `n_neighbors`."""
        neighbors, weights = _neighbors_and_weights(self, X)
        weights = weights * (1 + 1e-6 * 0.5 ** np.arange(1, neighbors.shape[1] + 1))  # the nearest first
        votes = np.zeros((len(neighbors), len(self.classes_)))
        for counted, k in zip([0, *stages], stages, strict=False):
            for place in range(counted, min(k, neighbors.shape[1])):
                votes[np.arange(len(votes)), self._codes[neighbors[:, place]]] += weights[:, place]
            yield votes / votes.sum(axis=1, keepdims=True)

    def predict(self, X: Any) -> np.ndarray:
        """The class with most votes."""
        best = self.predict_proba(X).argmax(axis=1)
        return self.classes_[best]


class NearestNeighborsRegressor(RegressorMixin, BaseEstimator):
    """Mean target of the k nearest labelled rows; with fewer than k rows, of all.

    Parameters
    ----------
    n_neighbors, metric, weights, device
        As in :class:`NearestNeighborsClassifier`, but that "whitened" is by the covariance of all rows.
    """

    def __init__(
        self, n_neighbors: int = 5, metric: str = "euclidean", weights: str = "uniform", device: str = "cpu"
    ) -> None:
        self.n_neighbors = n_neighbors
        self.metric = metric
        self.weights = weights
        self.device = device

    def fit(self, X: Any, y: Any) -> NearestNeighborsRegressor:
        """Keep `X` (n, d) and `y` (n,)."""
        X, y = validate_rows(self, X, y, dtype=(np.float64, np.float32), y_numeric=True)
        self._targets = y.astype(np.float64)
        _keep(self, X, [X])
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Weighted mean of the neighbours' targets, (n,)."""
        return next(self.staged_predict(X, [self.n_neighbors]))

    def staged_predict(self, X: Any, stages: Sequence[int]) -> Iterator[np.ndarray]:
        """The same for each of some numbers of neighbours, up to `n_neighbors`."""
        neighbors, weights = _neighbors_and_weights(self, X)
        for k in stages:
            yield np.average(self._targets[neighbors[:, :k]], axis=1, weights=weights[:, :k])


def _keep(head: Any, X: np.ndarray, clusters: Sequence[np.ndarray]) -> None:
    """Keep the rows as the head's metric sees them; it may whiten by the covariance within clusters (m, d) of them."""
    for name, allowed in (("metric", METRICS), ("weights", WEIGHTS)):
        if getattr(head, name) not in allowed:
            raise ValueError(f"{name} must be one of {', '.join(allowed)}, got {getattr(head, name)!r}")
    if head.weights == "softmax" and head.metric != "cosine":
        raise ValueError(f"weights='softmax' needs metric='cosine', got metric={head.metric!r}")
    if head.metric == "whitened":
        X = X.astype(np.float64)
        contrasts = np.concatenate([helmert(cluster.astype(np.float64)) for cluster in clusters])
        variances, head._axes = principal_axes(contrasts, X - X.mean(axis=0))
        m, d = contrasts.shape
        shrinkage = max(d / (m + d), SHRINKAGE_MIN)
        identity = shrinkage * variances.sum() / d or 1.0
        head._gains = np.sqrt(identity / ((1 - shrinkage) * variances + identity)) - 1
    head._rows = _seen_by_metric(head, X)


def _seen_by_metric(head: Any, X: np.ndarray) -> np.ndarray:
    """Rows whose Euclidean distances (Manhattan ones for that metric) order neighbours as the metric does."""
    if head.metric == "cosine":
        return normalize(X)
    if head.metric == "whitened":
        return X + (X @ head._axes * head._gains) @ head._axes.T
    return X


def _neighbors_and_weights(head: Any, X: Any) -> tuple[np.ndarray, np.ndarray]:
    """Indices of the k nearest rows, nearest first, and the weights of their votes; both (n, k)."""
    check_is_fitted(head)
    X = _seen_by_metric(head, validate_rows(head, X, dtype=(np.float64, np.float32), reset=False))
    k = min(head.n_neighbors, len(head._rows))
    metric = "cityblock" if head.metric == "manhattan" else "euclidean"
    indices, distances = nearest(head._rows, X, k, metric, head.device, head.weights == "uniform")
    if head.metric == "cosine":
        distances = distances**2 / 2
    if head.weights == "softmax":
        return indices, np.exp((distances[:, :1] - distances) / TEMPERATURE)  # up to a factor per query
    if head.weights == "distance":
        with np.errstate(divide="ignore", invalid="ignore"):
            return indices, np.where(distances[:, :1] == 0, distances == 0, distances[:, :1] / distances)
    return indices, np.ones_like(distances)


def nearest(
    rows: np.ndarray, queries: np.ndarray, k: int, metric: str, device: str = "cpu", only_order: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Indices and distances of the k nearest rows for each query, (q, k), nearest first, of equal ones the first.

    Euclidean ones come from matrix products; a distance that rounding cannot tell from 0 is 0. Where rounding could
    have mixed up neighbours (equal rows), and for other metrics, they are sorted by their exact distances. Both in
    chunks of at most 2^22 distances.

    Parameters
    ----------
    rows, queries : ndarray of shape (n, d) and (q, d)
    metric : {"euclidean", "cityblock"}
    device : str
        Where products are made.
    only_order : bool
        Whether distances may be rough.
    """
    indices, distances = np.empty((len(queries), k), dtype=np.intp), np.empty((len(queries), k))
    doubtful = np.full(len(queries), True)
    size = max(1, CHUNK_DISTANCES // len(rows))
    if metric == "euclidean":
        by_product = _ByProduct(rows, k, device, only_order)
        for start in range(0, len(queries), size):
            at = slice(start, start + size)
            indices[at], distances[at], doubtful[at] = by_product(queries[at])
    (again,) = np.nonzero(doubtful)
    for start in range(0, len(again), size):
        chosen = again[start : start + size]
        exact = cdist(queries[chosen], rows, metric)
        order = np.argsort(exact, axis=1, kind="stable")[:, :k]
        indices[chosen], distances[chosen] = order, np.take_along_axis(exact, order, axis=1)
    return indices, distances


class _ByProduct:
    """The k nearest rows of queries by one matrix product, and which of them rounding leaves in doubt.

    Few neighbours lie far enough apart for float32, of which a CPU multiplies twice as many in the same time.
    """

    def __init__(self, rows: np.ndarray, k: int, device: str, only_order: bool) -> None:
        few = only_order and k <= FEW_NEIGHBORS and device == "cpu"
        self._dtype = np.float32 if few else np.float64
        self._rounding = 4 * rows.shape[1] * np.finfo(self._dtype).eps
        self._device = device
        self._k = k
        self._rows = on_device(rows.astype(self._dtype, copy=False), device)
        self._squares = row_norms(rows, squared=True)
        self._halves = on_device((self._squares / 2).astype(self._dtype), device)

    def __call__(self, queries: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        import torch

        products = on_device(queries.astype(self._dtype, copy=False), self._device) @ self._rows.T
        products -= self._halves  # the larger, the nearer
        shortlist = torch.as_tensor(products).topk(min(self._k + 1, len(self._rows)), dim=1)
        squares = row_norms(queries, squared=True).astype(np.float64)
        distances = squares[:, None] - 2 * as_numpy(shortlist.values).astype(np.float64)  # squared
        rounding = (self._rounding * (squares + self._squares.max()))[:, None]
        in_doubt = np.diff(distances, axis=1) <= rounding
        distances[distances <= rounding] = 0
        nearest_k = slice(0, self._k)
        return (
            as_numpy(shortlist.indices)[:, nearest_k],
            np.sqrt(distances[:, nearest_k]),
            in_doubt.any(axis=1),
        )
