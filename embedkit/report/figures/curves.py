"""Learning curves: scores of heads by labels, with intervals."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
from scipy import special

from embedkit import statistics
from embedkit.outcomes import MACRO_F1, PLACE, Outcomes, family
from embedkit.report.figures.axes import SCORES, BudgetScale, budget_axis, budget_names, budget_title, score_axis
from embedkit.report.figures.label import embedding_labels, embedding_of
from embedkit.report.figures.style import HeadStyle, bottom_legend, head_color, head_dash, head_shape
from embedkit.statistics import Interval

IMAGES_TOO = "label draws and test images"
DRAWS_ONLY = "label draws only"
BY_IMAGE = {"classification": ("accuracy", "balanced_accuracy", MACRO_F1), "regression": ("mae",)}
"""Scores that have a part for each test image, so that intervals can cover these."""


def curve_frame(found: Sequence[Outcomes], rows: pd.DataFrame) -> pd.DataFrame:
    """A row for each data set, embedding, head, budget and score.

    Parameters
    ----------
    found : sequence of Outcomes
        Of `rows`, by `read_outcomes`.

    Returns
    -------
    DataFrame
        ``dataset, embedding, head, family, budget, labels, score, estimate, low, high, covers, headline``: `labels` is
        the number behind a budget (of classes: per class), scores and their 95% intervals are as shown (shares in
        percent), `covers` says what the interval is over, and `headline` is true for the score that tables show. The
        best embedding of a data set stands last.
    """
    labels = embedding_labels(map(embedding_of, found))
    lines = [line for outcomes in found for line in _lines_of(outcomes, rows, labels[embedding_of(outcomes)])]
    return pd.DataFrame(lines, columns=_COLUMNS).astype({"headline": bool})


LEGEND_SIDE_BY_SIDE = 12
"""Letters of a head's name, up to which two stand side by side below a panel."""
_COLUMNS = [
    "dataset", "embedding", "head", "family", "budget", "labels", "score", "estimate", "low", "high", "covers",
    "headline",
]  # fmt: skip


def _lines_of(outcomes: Outcomes, rows: pd.DataFrame, label: str) -> Iterable[dict[str, Any]]:
    here = rows[rows["status"] == "ok"]
    for name in PLACE:
        here = here[here[name] == getattr(outcomes, name)]
    task = str(here["task"].iloc[0])
    cells = dict(list(here.groupby(["head", "budget"], observed=True)))
    for head, budget in itertools.product(outcomes.heads, outcomes.budgets):
        if (head, budget) not in cells:
            continue
        these = cells[head, budget]
        about = {
            "dataset": outcomes.dataset,
            "embedding": label,
            "head": head,
            "family": family(head),
            "budget": budget,
            "labels": labels_behind(these),
        }
        for score, axis in SCORES.items():
            if score in BY_IMAGE[task] and (head, budget) in outcomes.measured:
                interval, covers = _over_images(outcomes, head, budget, score), IMAGES_TOO
            elif score in these and these[score].notna().all() and score not in BY_IMAGE[task]:
                interval, covers = _over_draws(these, score), DRAWS_ONLY
            else:
                continue
            ends = interval.estimate - interval.half_width, interval.estimate + interval.half_width
            low, high = (axis.factor * end for end in ends)
            yield {
                **about,
                "score": score,
                "estimate": axis.factor * interval.estimate,
                "low": max(axis.least, low),
                "high": min(axis.most, high),
                "covers": covers,
                "headline": score == outcomes.score,
            }


def labels_behind(rows: pd.DataFrame) -> float:
    """How many labels a head got on average; of classes, for each class."""
    return round(float((rows["n_labeled"] / rows["n_classes"].fillna(1)).mean()), 3)


def _over_images(outcomes: Outcomes, head: str, budget: str, score: str) -> Interval:
    measured, images = outcomes.measured[head, budget], outcomes.images
    if score == "mae":
        interval = statistics.interval(measured.correct, images, outcomes.folds(budget))
        return replace(interval, estimate=-interval.estimate)
    values = measured.correct
    if score == MACRO_F1 and measured.predicted is not None:
        values = statistics.macro_f1_values(images.truth, measured.predicted)
    weighted = statistics.images_for(score, images.truth, images.groups)
    return statistics.interval(values, weighted, outcomes.folds(budget))


def _over_draws(rows: pd.DataFrame, score: str) -> Interval:
    """Mean over repeats with a t interval; folds of one repeat are averaged first."""
    per_repeat = rows.groupby("repeat")[score].mean().to_numpy()
    n = len(per_repeat)
    half = special.stdtrit(n - 1, 0.975) * per_repeat.std(ddof=1) / np.sqrt(n) if n > 1 else 0.0
    return Interval(float(per_repeat.mean()), float(half))


def curve_panel(
    curves: pd.DataFrame,
    styles: dict[str, HeadStyle],
    score: str,
    scale: BudgetScale = "log",
    legend: bool = True,
    span: tuple[float, float] | None = None,
) -> Any:
    """One panel of some rows of `curve_frame`, of one data set, embedding and score; scores reach over `span`."""
    names = budget_names(curves["labels"], curves["budget"])
    key = bottom_legend(2 if max(map(len, styles)) <= LEGEND_SIDE_BY_SIDE else 1) if legend else None
    x = budget_axis(names, budget_title(names.values(), score), scale)
    base = alt.Chart(curves).encode(x=x, color=head_color(styles, legend=key))
    band = base.mark_area(opacity=0.13).encode(y=score_axis(score, "low", span), y2="high:Q")
    lines = base.encode(y=score_axis(score, span=span))
    line = lines.mark_line(strokeWidth=2).encode(strokeDash=head_dash(styles, legend=None))
    points = lines.mark_point(filled=True, size=45, opacity=1).encode(
        shape=head_shape(styles, legend=key), tooltip=tooltip("estimate", "low", "high")
    )
    return alt.layer(band, line, points)


def tooltip(*numbers: str) -> list[alt.Tooltip]:
    """Head and budget, and some numbers to three digits."""
    shown = [alt.Tooltip(f"{name}:Q", format=".3~r") for name in numbers]
    return [alt.Tooltip("head:N"), alt.Tooltip("budget:N"), *shown]
