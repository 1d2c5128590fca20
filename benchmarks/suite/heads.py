"""The heads of embedkit's own catalogue, on clusters of labelled rows."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from embedkit.heads import HEADS, make_head

from .data import clusters

SIZES = {"50 x 64": (50, 64), "100 x 128": (100, 128), "250 x 256": (250, 256)}
"""Labels by width of the embeddings."""

QUERIES, POOL = 1000, 500
CHEAPER = {"best": "best(heads=[svm, lda])"}
"""The same head with fewer members inside."""


def unfitted(name: str) -> Any:
    """The head; where this version of embedkit has none of that name, the benchmark is skipped."""
    if name not in HEADS:
        raise NotImplementedError(f"this version of embedkit has no head {name}")
    return make_head(CHEAPER.get(name, name))


@cache
def training_rows(name: str, n_labeled: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """What a head is fitted to: labelled rows, and for those that use it a pool, whose labels are -1."""
    X, y = clusters(n_labeled, width)
    if not HEADS[name].pool:
        return X, y
    pool, _ = clusters(POOL, width, seed=2)
    return np.concatenate([X, pool]), np.concatenate([y, np.full(POOL, -1)])


@cache
def queries(width: int) -> np.ndarray:
    """Rows to predict."""
    return clusters(QUERIES, width, seed=1)[0]


@cache
def fitted(name: str, n_labeled: int, width: int) -> Any:
    """A fitted head, made once in a process."""
    return unfitted(name).fit(*training_rows(name, n_labeled, width))


@cache
def warm(name: str) -> None:
    """The first fit and prediction pay for imports, which belong to no benchmark of heads."""
    head = unfitted(name).fit(*training_rows(name, 20, 8))
    head.predict(queries(8)[:2])
