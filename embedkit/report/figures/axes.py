"""Scores and budgets as axes: titles, units, directions."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import altair as alt

from embedkit.scores import REGRESSION

BudgetScale = Literal["log", "linear"]


@dataclass(frozen=True)
class ScoreAxis:
    """How a score is shown: values are multiplied by `factor`; `most` is the largest that there can be."""

    title: str
    factor: float = 1.0
    most: float = math.inf
    least: float = 0.0
    lower_is_better: bool = False


SCORES = {
    "accuracy": ScoreAxis("accuracy, %", 100.0, 100.0),
    "balanced_accuracy": ScoreAxis("balanced accuracy, %", 100.0, 100.0),
    "macro_f1": ScoreAxis("macro-F1, %", 100.0, 100.0),
    "brier": ScoreAxis("Brier score (lower is better)", most=2.0, lower_is_better=True),
    "log_loss": ScoreAxis("log-loss (lower is better)", lower_is_better=True),
    "mae": ScoreAxis("mean absolute error (lower is better)", lower_is_better=True),
    "rmse": ScoreAxis("root mean square error (lower is better)", lower_is_better=True),
    "r2": ScoreAxis("R²", most=1.0, least=-math.inf),
}


def budget_names(labels: Iterable[float], budgets: Iterable[str]) -> dict[float, str]:
    """What stands at each tick of an axis of labels: numbers as they are, other budgets as they were written."""
    return dict(sorted({float(at): budget for at, budget in zip(labels, budgets, strict=True)}.items()))


def budget_axis(names: Mapping[float, str], title: str, scale: BudgetScale = "log") -> alt.X:
    """Labels along x, with a tick at each budget."""
    written = json.dumps({f"{at:.10g}": name for at, name in names.items()})
    axis = alt.Axis(values=list(names), labelExpr=f"{written}[datum.value]", grid=False, labelOverlap="greedy")
    return alt.X("labels:Q", title=title, scale=alt.Scale(type=scale, nice=False, padding=12), axis=axis)


def budget_title(names: Iterable[str], score: str) -> str:
    """What the budgets count."""
    if score in REGRESSION:
        return "labels"
    return "labels per class" if all(name.isdigit() for name in names) else "labels per class, on average"


def score_axis(score: str, field: str = "estimate", span: tuple[float, float] | None = None) -> alt.Y:
    """A score along y, over `span` or as far as there are values, not from zero."""
    scale = alt.Scale(zero=False, nice=True) if span is None else alt.Scale(zero=False, nice=True, domain=list(span))
    return alt.Y(f"{field}:Q", title=SCORES[score].title, scale=scale)
