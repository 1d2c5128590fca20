"""What can be called near. A new metric is one function here and one line in `METRICS`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from embedkit.errors import NotApplicable
from embedkit.spec import Spec, checked_params, find

KEPT_IMAGES_MAX = 2000
"""Up to so many images all their distances are kept; beyond, they are computed again whenever they are needed."""
CHUNK_MIB = 32
WHITENING_IMAGES_MIN = 100
_LEAST_VARIANCE = 1e-6

Transform = Callable[[np.ndarray], np.ndarray]
DistanceRows = Callable[[], Iterable[tuple[int, np.ndarray]]]
"""Gives the distances between images (n, n) float32 in stretches of rows, each with the number of its first row."""


@dataclass(frozen=True)
class Metric:
    """A distance, and the point that stands for some images.

    Attributes
    ----------
    pairwise : {"euclidean", "cosine", "manhattan"}
    centre : callable
        From the embeddings (k, d) of some images of a class to the point (d,) that stands for them.
    fit : callable or None
        From embeddings of unlabelled images (m, d) to what embeddings (n, d) go through first.
    version : int
        Raised when a change alters a distance or a centre.
    """

    pairwise: Literal["euclidean", "cosine", "manhattan"]
    centre: Callable[[np.ndarray], np.ndarray]
    fit: Callable[[np.ndarray], Transform] | None = None
    version: int = 1


def euclidean() -> Metric:
    """straight distance of the embeddings as they are; classes stand at their mean"""
    return Metric("euclidean", _mean)


def cosine() -> Metric:
    """1 - cosine of the embeddings as they are, not centred; classes stand at the mean of vectors of unit length"""
    return Metric("cosine", _mean_of_unit_vectors)


def manhattan() -> Metric:
    """sum of absolute differences; classes stand at their median, the point of the least sum of distances"""
    return Metric("manhattan", lambda X: np.median(X, axis=0))


def whitened() -> Metric:
    """1 - cosine after centring and whitening, fitted on the unlabelled pool"""
    return Metric("cosine", _mean_of_unit_vectors, whitening)


METRICS: dict[str, Callable[[], Metric]] = {
    "euclidean": euclidean,
    "cosine": cosine,
    "manhattan": manhattan,
    "whitened": whitened,
}


def make_metric(spec: Spec) -> Metric:
    """The metric that a spec names.

    Raises
    ------
    EmbedkitError
        Where the metric or a parameter is unknown.
    """
    build = find("metric", spec, METRICS)
    return build(**checked_params(spec, build))


def _mean(X: np.ndarray) -> np.ndarray:
    return X.mean(axis=0)


def _mean_of_unit_vectors(X: np.ndarray) -> np.ndarray:
    from sklearn.preprocessing import normalize

    return normalize(X).mean(axis=0)


def whitening(pool: np.ndarray) -> Transform:
    """Centre, rotate and divide so that `pool` (m, d) has the same variance in every direction.

    The covariance is shrunk towards a multiple of the identity by the share of Ledoit and Wolf (2004); directions that
    hold less than a millionth of the mean variance count as if they held that. What follows is a cosine, as Jegou and
    Chum (2012) do: images that the pool holds few of come out long, and would be far from everything.

    Raises
    ------
    NotApplicable
        Where the pool has fewer than `WHITENING_IMAGES_MIN` images, or all its embeddings are equal.
    """
    from sklearn.covariance import ledoit_wolf

    if len(pool) < WHITENING_IMAGES_MIN:
        raise NotApplicable(
            f"whitening needs at least {WHITENING_IMAGES_MIN} images that are never tested on; there are {len(pool)}"
        )
    mean = pool.mean(axis=0, dtype=np.float64)
    covariance, _ = ledoit_wolf(pool - mean, assume_centered=True)
    variances, directions = np.linalg.eigh(covariance)
    if not variances.mean() > 0:
        raise NotApplicable("whitening needs embeddings that differ; those of the pool are all equal")
    scaled = directions / np.sqrt(np.maximum(variances, _LEAST_VARIANCE * variances.mean()))
    return lambda X: ((X - mean) @ scaled).astype(np.float32)


def distance_rows(X: np.ndarray, pairwise: str) -> DistanceRows:
    """All distances between the rows of `X` (n, d), a stretch of at most `CHUNK_MIB` at a time where n is large."""
    from sklearn.metrics import pairwise_distances, pairwise_distances_chunked

    if len(X) <= KEPT_IMAGES_MAX:
        kept = pairwise_distances(X, metric=pairwise).astype(np.float32, copy=False)
        return lambda: [(0, kept)]

    def stretches() -> Iterator[tuple[int, np.ndarray]]:
        start = 0
        for rows in pairwise_distances_chunked(X, metric=pairwise, working_memory=CHUNK_MIB):
            yield start, rows.astype(np.float32, copy=False)
            start += len(rows)

    return stretches
