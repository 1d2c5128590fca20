"""What asv measured over commits: a line for each combination of parameters, those that moved most in colour."""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd

from embedkit.report.figures.style import COLORS, bottom_legend

OTHERS = "others"
_GREY = "#999999"
_WIDE = 20.0
"""Values that differ more than so many times stand on a logarithmic axis."""


def history_frame(measured: pd.DataFrame) -> pd.DataFrame:
    """One benchmark of an `asv_table`, drawn as lines.

    Returns
    -------
    DataFrame
        ``date`` (ms), ``commit`` (8 digits), ``line`` (parameters, and machine and environment where there are
        several), ``shown`` (the same of the six lines that moved most, by ratio; ``others``, which come first),
        ``value``, ``unit``.
    """
    there = measured.dropna(subset="value")
    several = [name for name in ("machine", "environment") if there[name].nunique() > 1]
    line = there[["params", *several]].agg(lambda parts: ", ".join(filter(None, parts)), axis=1).astype(object)
    line = line.where(line != "", "value")
    moved = there["value"].groupby(line).agg(lambda values: values.max() / max(values.min(), 1e-12))
    most = list(moved.sort_values(ascending=False, kind="stable").index[: len(COLORS)])
    frame = pd.DataFrame(
        {
            "date": there["date"].astype("datetime64[ms, UTC]").astype("int64"),
            "commit": there["commit"].str[:8],
            "line": line,
            "shown": line.where(line.isin(most), OTHERS),
            "value": there["value"],
            "unit": there["unit"],
        }
    )
    return frame.sort_values("shown", key=lambda shown: shown != OTHERS, kind="stable")  # what is drawn last is on top


def history_panel(history: pd.DataFrame) -> Any:
    """A `history_frame` as a chart."""
    shown = sorted(set(history["shown"]) - {OTHERS})
    colors = alt.Scale(domain=[*shown, OTHERS], range=[*COLORS[: len(shown)], _GREY])
    wide = history["value"].min() > 0 and history["value"].max() / history["value"].min() > _WIDE
    return (
        alt.Chart(history)
        .mark_line(strokeWidth=1.5, point={"size": 22}, clip=True)
        .encode(
            x=alt.X("date:T", title="date of the commit", axis=alt.Axis(grid=False, labelOverlap="greedy")),
            y=alt.Y(
                "value:Q",
                title=f"{history['unit'].iloc[0]} (lower is better)",
                scale=alt.Scale(zero=False, type="log" if wide else "linear"),
            ),
            color=alt.Color(
                "shown:N", scale=colors, legend=bottom_legend(1) if history["line"].nunique() > 1 else None
            ),
            detail="line:N",
            opacity=alt.condition(alt.datum.shown == OTHERS, alt.value(0.25), alt.value(1)),
            tooltip=["line:N", "commit:N", alt.Tooltip("date:T"), alt.Tooltip("value:Q", format=".4~r"), "unit:N"],
        )
    )
