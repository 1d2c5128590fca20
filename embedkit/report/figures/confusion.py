"""Which classes are taken for which."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

CLASSES_MAX = 20
WRITTEN_MAX = 12
BLUE = "#0072B2"


def confusion_counts(truth: np.ndarray, predicted: np.ndarray, n_classes: int) -> np.ndarray:
    """How often images (n,) of each class were called each class, (C, C): truth by predicted."""
    cells = np.bincount(truth * n_classes + predicted, minlength=n_classes**2)
    return cells.reshape(n_classes, n_classes)


def confusion_frame(counts: np.ndarray, classes: Sequence[str], most: int = CLASSES_MAX) -> pd.DataFrame:
    """Counts (C, C) as rows ``truth, predicted, images, share``; of many classes those that are mistaken most.

    Returns
    -------
    DataFrame
        Of at most `most` classes; `share` is of all images of a true class.
    """
    mistaken = counts.sum(axis=0) + counts.sum(axis=1) - 2 * counts.diagonal()
    kept = np.sort(np.argsort(-mistaken, kind="stable")[:most])
    total = np.maximum(counts.sum(axis=1), 1)
    lines = [
        (classes[row], classes[column], int(counts[row, column]), round(float(counts[row, column] / total[row]), 4))
        for row in kept
        for column in kept
        if counts[row, column]
    ]
    return pd.DataFrame(lines, columns=["truth", "predicted", "images", "share"])


def confusion_panel(confusion: pd.DataFrame, classes: Sequence[str] | None = None) -> Any:
    """A `confusion_frame` as a chart; the darker, the larger the share. Numbers are shares in percent."""
    order = list(classes) if classes is not None else sorted({*confusion["truth"], *confusion["predicted"]})
    axis = alt.Axis(labelLimit=110, labelOverlap=False, grid=False, domain=False, ticks=False)
    base = alt.Chart(confusion).encode(
        x=alt.X("predicted:N", sort=order, title="predicted", axis=axis.copy()),
        y=alt.Y("truth:N", sort=order, title="true", axis=axis.copy()),
    )
    cells = base.mark_rect(color=BLUE).encode(
        opacity=alt.Opacity("share:Q", scale=alt.Scale(domain=[0, 1], range=[0.06, 1]), legend=None),
        tooltip=["truth:N", "predicted:N", "images:Q", alt.Tooltip("share:Q", format=".1%")],
    )
    written = base.mark_text(fontSize=10).encode(
        text=alt.Text("percent:Q", format=".0f"), color=alt.condition("datum.share > 0.5", alt.value("white"), _INK)
    )
    return alt.layer(cells, written.transform_calculate(percent="100 * datum.share"))


_INK = alt.value("#111111")
