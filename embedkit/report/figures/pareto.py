"""What heads cost against what they score; those that no other head beats in both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from embedkit.outcomes import PLACE
from embedkit.report.figures.axes import SCORES, score_axis
from embedkit.report.figures.curves import tooltip
from embedkit.report.figures.label import embedding_labels
from embedkit.report.figures.style import HeadStyle, bottom_legend, head_color, head_shape


@dataclass(frozen=True)
class Cost:
    """A column of results, times `factor`, and its title."""

    column: str
    factor: float
    title: str


COSTS = {
    "fit": Cost("fit_s", 1e3, "time to fit, ms"),
    "choose": Cost("select_s", 1e3, "time to choose parameters, ms"),
    "predict": Cost("predict_s", 1e6, "time to predict an image, µs"),
    "size": Cost("head_bytes", 1e-3, "size of the head, kB"),
}


def cost_frame(curves: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """What heads cost, measured alone on one core, at the largest budget of each embedding.

    Parameters
    ----------
    curves : DataFrame
        Of `rows`, by `curve_frame`.

    Returns
    -------
    DataFrame
        ``dataset, embedding, head, family, budget, score, estimate, low, high, measure, cost, on_front``: `measure` is
        a key of `COSTS`, `cost` in its unit; `on_front` where no other head is better at no higher cost.
    """
    timed = rows[(rows["timing"] == "exclusive") & (rows["status"] == "ok")]
    labels = embedding_labels(zip(rows["backbone"], rows["codec"], rows["selection"], strict=True))
    parts = []
    for place, these in timed.groupby(list(PLACE), observed=True):
        last = these[these["budget"] == these["budget"].max()].set_index("head")
        here = curves[
            (curves["dataset"] == place[0])
            & (curves["embedding"] == labels[place[1:]])
            & (curves["budget"] == last["budget"].iloc[0])
        ]
        for measure, cost in COSTS.items():
            per_head = cost.factor * last[cost.column].astype("float64")
            if measure == "predict":
                per_head = per_head / last["n_test"].astype("float64")
            if (per_head > 0).sum() < min(2, len(per_head)):
                continue  # one head among several that has it is set against nothing
            for score, heads in here.groupby("score", observed=True):
                with_cost = heads.assign(measure=measure, cost=heads["head"].map(per_head))
                with_cost = with_cost[with_cost["cost"] > 0]
                better = with_cost["estimate"] * (-1 if SCORES[str(score)].lower_is_better else 1)
                parts.append(with_cost.assign(on_front=on_front(with_cost["cost"].to_numpy(), better.to_numpy())))
    if not parts:
        return curves.iloc[:0].assign(measure="", cost=0.0, on_front=False)
    found = pd.concat(parts).drop(columns=["labels", "covers"])
    places = curves[["dataset", "embedding"]].drop_duplicates()  # the best embedding of a data set last
    return places.merge(found, on=["dataset", "embedding"])


def on_front(cost: np.ndarray, better: np.ndarray) -> np.ndarray:
    """Which of the points (n,) no other one beats: by being better at no higher cost, or as good and cheaper."""
    cheaper, no_dearer = cost < cost[:, None], cost <= cost[:, None]
    above, no_worse = better > better[:, None], better >= better[:, None]
    return ~np.any((no_dearer & above) | (cheaper & no_worse), axis=1)


def pareto_panel(
    costs: pd.DataFrame, styles: dict[str, HeadStyle], score: str, measure: str = "fit", legend: bool = True
) -> Any:
    """One panel of some rows of `cost_frame`, of one data set, embedding, score and measure; the front as a line.

    Names of its heads stand where nothing can be both cheaper and better, and only one of those that would overlap.
    """
    key = bottom_legend() if legend else None
    axis = alt.Axis(grid=False, tickCount=5, labelOverlap="greedy", labelSeparation=6, labelBound=True, format=".3~r")
    x = alt.X("cost:Q", title=COSTS[measure].title, scale=alt.Scale(type="log", nice=False, padding=64), axis=axis)
    base = alt.Chart(costs).encode(x=x)
    front = base.transform_filter("datum.on_front").mark_line(
        interpolate="step-after", color="#808080", strokeDash=[4, 3]
    )
    span = base.mark_rule(opacity=0.5).encode(
        y=score_axis(score, "low"), y2="high:Q", color=head_color(styles, legend=key)
    )
    points = base.mark_point(filled=True, opacity=1, size=90).encode(
        y=score_axis(score),
        color=head_color(styles, legend=key),
        shape=head_shape(styles, legend=key),
        tooltip=tooltip("cost", "estimate", "low", "high"),
    )
    lower_is_better = SCORES[score].lower_is_better
    names = (
        _apart(base, lower_is_better)
        .mark_text(align="right", dx=-8, dy=7 if lower_is_better else -7, fontSize=11, limit=100)
        .encode(y=score_axis(score), text="head:N")
    )
    return alt.layer(front.encode(y=score_axis(score)), span, points, names)


def _apart(base: Any, lower_is_better: bool) -> Any:
    """The points of the front, from the best one on, that are not close below the one before them."""
    best_first = alt.SortField("estimate", order="ascending" if lower_is_better else "descending")
    return (
        base.transform_calculate(magnitude="log(datum.cost)")
        .transform_joinaggregate(bottom="min(low)", top="max(high)", left="min(magnitude)", right="max(magnitude)")
        .transform_filter("datum.on_front")
        .transform_window(before="lag(estimate)", beside="lag(magnitude)", sort=[best_first])
        .transform_filter(
            "!isValid(datum.before) || abs(datum.before - datum.estimate) > 0.05 * (datum.top - datum.bottom)"
            " || abs(datum.beside - datum.magnitude) > 0.6 * (datum.right - datum.left)"
        )
    )
