"""Test images by their two main directions in an embedding."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from embedkit.embeddings import store
from embedkit.outcomes import Outcomes
from embedkit.report.figures.style import COLORS, SHAPES

POINTS_MAX = 1000


def shown_images(ids: Sequence[str], n: int = POINTS_MAX) -> list[str]:
    """At most `n` of the images, the same ones wherever and whenever they are asked for: by the hash of their ids."""
    first = sorted(ids, key=lambda image: hashlib.sha256(image.encode()).digest())[:n]
    chosen = set(first)
    return [image for image in ids if image in chosen]


def plane(vectors: np.ndarray) -> tuple[np.ndarray, float]:
    """The first two principal components (n, 2) of vectors (n, d), and the share of the variance that they hold."""
    from sklearn.decomposition import PCA

    if min(vectors.shape) < 2:
        return np.zeros((len(vectors), 2)), 0.0
    pca = PCA(2, svd_solver="full")
    at = pca.fit_transform(vectors.astype(np.float64))
    return at, float(pca.explained_variance_ratio_.sum())


def map_panel(points: pd.DataFrame, classes: Sequence[str], legend: bool = True) -> Any:
    """Points ``x, y, class, image`` (for numeric targets ``target`` in place of ``class``) as a chart."""
    axis = alt.Axis(labels=False, ticks=False, grid=False, title=None, domain=False)
    x = alt.X("x:Q", axis=axis.copy(), scale=alt.Scale(zero=False))
    y = alt.Y("y:Q", axis=axis.copy(), scale=alt.Scale(zero=False))
    base = alt.Chart(points).encode(x=x, y=y, tooltip=["image:N"])
    if "target" in points:
        return base.mark_point(filled=True, size=36, opacity=0.8).encode(
            color=alt.Color("target:Q", scale=alt.Scale(scheme="viridis"), legend=alt.Legend(orient="bottom"))
        )
    key = alt.Legend(orient="bottom", title=None, columns=5, labelLimit=120, symbolOpacity=1) if legend else None
    colors, shapes = class_marks(len(classes))
    return base.mark_point(filled=True, size=40, opacity=0.8).encode(
        color=alt.Color("class:N", scale=alt.Scale(domain=list(classes), range=colors), legend=key),
        shape=alt.Shape("class:N", scale=alt.Scale(domain=list(classes), range=shapes), legend=key),
    )


def class_marks(n_classes: int) -> tuple[list[str], list[str]]:
    """Colours and markers, so that no two of the first 36 classes look alike."""
    n = len(COLORS)
    return [COLORS[i % n] for i in range(n_classes)], [SHAPES[(i + i // n) % n] for i in range(n_classes)]


def map_frame(key: str, outcomes: Outcomes, classes: Sequence[str]) -> tuple[pd.DataFrame, float]:
    """Test images in the plane of their embedding.

    Parameters
    ----------
    key : str
        Of the store; its ids must be there.
    outcomes : Outcomes
        Whose test images are shown.
    classes : sequence of str
        Their names; nothing for numeric targets.

    Returns
    -------
    points : DataFrame
        ``image, x, y, class`` (numbers: ``target``), at most `POINTS_MAX`.
    share : float
        Of the variance that the plane holds.
    """
    number = {image: i for i, image in enumerate(store.read_ids(key) or ())}
    shown = [image for image in shown_images(outcomes.ids) if image in number]
    at, share = plane(store.read(key)[np.array([number[image] for image in shown], dtype=np.int64)])
    column = {image: i for i, image in enumerate(outcomes.ids)}
    truth = outcomes.images.truth[[column[image] for image in shown]]
    points = pd.DataFrame({"image": shown, "x": at[:, 0], "y": at[:, 1]})
    if truth.dtype.kind == "f":
        return points.assign(target=truth), share
    return points.assign(**{"class": [classes[i] for i in truth]}), share
