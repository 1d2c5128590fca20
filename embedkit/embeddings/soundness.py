"""Whether what a network gave can be embeddings at all: finite, and different for different images."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from embedkit.backbones.backbone import resized
from embedkit.errors import EmbedkitError, counted

IMAGES_MIN, IMAGES_MAX = 8, 64
SAME = 1e-6
"""Of the largest number: a float32 holds no smaller difference."""
SECOND_DIRECTION_MIN = 1e-3
"""Singular value of the second direction, of that of the first; untrained networks have 0.03 and more."""
VARYING_MIN = 0.01
"""Share of features; untrained networks without batch normalisation have 0.4 and more."""


def check_finite(embedded: np.ndarray, ids: Sequence[str]) -> None:
    """Refuse rows (m, d), of the images with these ids, that hold NaN or infinity.

    Raises
    ------
    EmbedkitError
        With their number and the first one's id.
    """
    bad = np.flatnonzero(~np.isfinite(embedded).all(axis=1))
    if len(bad):
        raise EmbedkitError(
            f"{counted(len(bad), 'embedding holds', 'embeddings hold')} NaN or infinity (first: {ids[bad[0]]!r}); "
            "look at the backbone's weights and at that image"
        )


def check_varied(embedded: np.ndarray, image: Callable[[int], np.ndarray]) -> None:
    """Refuse rows (m, d) that are all the same, or lie on a line, or hardly use their features, unless images do too.

    Fewer than 8 images are never refused, and of many the first 64 are looked at. `image` gives those of the rows,
    which are only read where the rows are suspicious.

    Raises
    ------
    EmbedkitError
        With what to look at.
    """
    rows = embedded[:IMAGES_MAX]
    if len(rows) < IMAGES_MIN or not (problem := _sameness(rows)):
        return
    small = np.stack([resized(image(i), 8).mean(dim=0).numpy().ravel() for i in range(len(rows))])  # (m, 64) grey
    if not _sameness(small):
        raise EmbedkitError(
            f"the embeddings of {len(rows)} different images {problem}; look at the backbone's weights (do they belong "
            "to this network? was it trained?), its layer and pool, and whether its transform fits the images"
        )


def _sameness(X: np.ndarray) -> str:
    """In what way rows do not differ as embeddings do; nothing where they do."""
    centred = X.astype(np.float64) - X.mean(axis=0, dtype=np.float64)
    spread = np.abs(centred).max(axis=0)  # (d,)
    smallest = SAME * np.abs(X).max()
    if spread.max() <= smallest:
        return "are all the same"
    if X.shape[1] == 1:
        return ""
    varying = np.mean(spread > smallest)
    if varying < VARYING_MIN:
        return f"differ in only {varying:.1%} of their {X.shape[1]} features"
    values = np.sqrt(np.linalg.eigvalsh(centred @ centred.T).clip(0))  # m singular values, ascending
    return "all lie on one line" if values[-2] < SECOND_DIRECTION_MIN * values[-1] else ""
