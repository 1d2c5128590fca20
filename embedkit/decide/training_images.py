"""The labelled images that a model was fitted on: which of them are near to a new one, and is it far from all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.preprocessing import normalize

from embedkit.heads.graph import nearest_in

NEAREST = 3
FAR_QUANTILE = 0.99
_GROUP_MAX = 64


@dataclass(frozen=True, eq=False)
class TrainingImages:
    """Ids and embeddings of the images that a model was fitted on.

    Attributes
    ----------
    ids : list of str
    directions : ndarray of float16, shape (n, d)
        Embeddings at unit length.
    far_from : float
        A cosine distance that 99% of these images have to their nearest one, their own group left out.
    """

    ids: list[str]
    directions: np.ndarray
    far_from: float

    @classmethod
    def of(cls, ids: Sequence[str], X: np.ndarray, groups: np.ndarray) -> TrainingImages:
        """From embeddings (n, d) and the groups of the images, (n,)."""
        directions = normalize(X.astype(np.float32)).astype(np.float16)
        return cls(list(ids), directions, _far_from(directions.astype(np.float32), groups))

    def nearest(self, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """For embeddings (q, d) the ids of the nearest images, (q, 3), the nearest first and empty where there are
        fewer, and the cosine distances to the nearest, (q,).
        """
        indices, chords = nearest_in(self.directions.astype(np.float32), X, NEAREST, "cosine")
        ids = np.full((len(X), NEAREST), "", dtype=object)
        ids[:, : indices.shape[1]] = np.array(self.ids, dtype=object)[indices]
        return ids, _cosine(chords[:, 0])


def _cosine(chords: np.ndarray) -> np.ndarray:
    """Cosine distances from the Euclidean ones of rows of unit length."""
    return chords.astype(np.float64) ** 2 / 2


def _far_from(rows: np.ndarray, groups: np.ndarray) -> float:
    if len(np.unique(groups)) < 2:
        return float("inf")
    k = min(int(np.bincount(np.unique(groups, return_inverse=True)[1]).max()), _GROUP_MAX)
    indices, chords = nearest_in(rows, rows, k, "cosine", same=True)
    foreign = groups[indices] != groups[:, None]
    nearest = chords[np.arange(len(rows)), np.where(foreign.any(axis=1), foreign.argmax(axis=1), chords.shape[1] - 1)]
    return float(np.quantile(_cosine(nearest), FAR_QUANTILE))
