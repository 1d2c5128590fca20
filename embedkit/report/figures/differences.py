"""Paired differences of heads against one fully connected head, with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import pandas as pd

from embedkit import statistics
from embedkit.outcomes import FULLY_CONNECTED, ORACLE, Outcomes, family
from embedkit.report.figures.axes import SCORES
from embedkit.report.figures.curves import BY_IMAGE
from embedkit.report.figures.label import embedding_labels, embedding_of
from embedkit.report.figures.style import HeadStyle, head_color, head_fill
from embedkit.spec import parse

REFERENCE = "mlp"
"""The fully connected head that others are held against, fixed in advance; the first one where it is not there."""


def difference_frame(found: Sequence[Outcomes]) -> pd.DataFrame:
    """A row for each data set, embedding, head, budget and score that is a mean over images.

    Returns
    -------
    DataFrame
        ``dataset, embedding, head, reference, budget, score, estimate, low, high, told_apart, headline``: how much
        better `head` is than `reference` on the same draws and images (errors: by how much smaller), in percentage
        points or units of the target, with a 95% interval for each difference alone.
    """
    lines = []
    labels = embedding_labels(map(embedding_of, found))
    for outcomes in found:
        reference = reference_head(outcomes.heads)
        if reference is None or outcomes.selection == ORACLE:
            continue
        label = labels[embedding_of(outcomes)]
        task = "regression" if outcomes.score == "mae" else "classification"
        for budget in outcomes.budgets:
            correct, folds = outcomes.at(budget), outcomes.folds(budget)
            for head in (head for head in correct if head != reference and reference in correct):
                for score in BY_IMAGE[task]:
                    images = statistics.images_for(score, outcomes.images.truth, outcomes.images.groups)
                    difference = statistics.interval(correct[head] * 1.0 - correct[reference], images, folds)
                    factor = SCORES[score].factor
                    middle, half = factor * difference.estimate, factor * difference.half_width
                    about = [outcomes.dataset, label, head, reference, budget, score]
                    ends = [middle - half, middle + half, difference.excludes_zero, score == outcomes.score]
                    lines.append([*about, middle, *ends])
    return pd.DataFrame(lines, columns=_COLUMNS).astype({"told_apart": bool, "headline": bool})


_COLUMNS = [
    "dataset", "embedding", "head", "reference", "budget", "score", "estimate", "low", "high", "told_apart", "headline",
]  # fmt: skip


def reference_head(heads: Sequence[str]) -> str | None:
    """The one that others are held against; None where no head is fully connected."""
    connected = [head for head in heads if family(head) == FULLY_CONNECTED]
    return next((head for head in connected if parse(head).name == REFERENCE), next(iter(connected), None))


def difference_panel(differences: pd.DataFrame, styles: dict[str, HeadStyle], score: str) -> Any:
    """One panel of some rows of `difference_frame`, of one data set, embedding, budget and score.

    A line per head; full points are told apart from zero.
    """
    unit = "points" if SCORES[score].factor == 100 else "units of the target"
    x_title = f"better by, {unit}"
    base = alt.Chart(differences).encode(
        y=alt.Y("head:N", sort=list(styles), title=None, axis=alt.Axis(labelLimit=190)),
        color=head_color(styles, legend=None),
    )
    zero = alt.Chart().mark_rule(strokeDash=[3, 3], opacity=0.7).encode(x=alt.datum(0))
    span = base.mark_rule(strokeWidth=2).encode(x=alt.X("low:Q", title=x_title), x2="high:Q")
    points = base.mark_point(opacity=1, size=60, strokeWidth=2).encode(
        x=alt.X("estimate:Q", title=x_title),
        fill=head_fill(styles),
        fillOpacity=alt.condition("datum.told_apart", alt.value(1), alt.value(0)),
        tooltip=[
            alt.Tooltip("head:N"),
            alt.Tooltip("reference:N", title="against"),
            alt.Tooltip("budget:N"),
            *(alt.Tooltip(f"{name}:Q", format="+.3~r") for name in ("estimate", "low", "high")),
        ],
    )
    return alt.layer(zero, span, points)
