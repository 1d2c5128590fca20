"""Figures: for each family of heads its curves beside those of the fully connected heads, with intervals."""

from __future__ import annotations

import math
from typing import Any

import altair as alt
import pandas as pd

from embedkit.outcomes import FULLY_CONNECTED, family
from embedkit.report.summary import Table
from embedkit.report.text import budget_title
from embedkit.scores import score_name

REFERENCE_COLORS = ("#111111", "#8a8a8a")
FAMILY_COLORS = ("#d1495b", "#1f77b4", "#2a9d5c", "#8e5bb5", "#d98e04")


def family_panels(table: Table) -> list[Any]:
    """One chart per family that is not fully connected; the fully connected heads stand in each, in black and grey."""
    curves = curve_frame(table)
    names = [name for name in dict.fromkeys(curves["family"]) if name != FULLY_CONNECTED]
    low, high = float(curves["low"].min()), float(curves["high"].max())
    margin = 0.03 * (high - low) if table.score == "mae" else 2.0
    span = [max(0.0, low - margin), min(_most(table), high + margin / 2)]
    return [_panel(curves, name, table, span) for name in names or [FULLY_CONNECTED]]


def curve_frame(table: Table) -> pd.DataFrame:
    """What is drawn: one line per head and budget; bands end where the score does."""
    return pd.DataFrame(
        [
            {
                "family": family(head),
                "head": head,
                "budget": budget,
                "score": cell.interval.estimate,
                "half_width": cell.interval.half_width,
                "low": max(0.0, cell.interval.estimate - cell.interval.half_width),
                "high": min(_most(table), cell.interval.estimate + cell.interval.half_width),
            }
            for head in table.heads
            for budget in table.budgets
            if (cell := table.cells.get((head, budget)))
        ]
    )


def _most(table: Table) -> float:
    """The largest value that the score can have."""
    return math.inf if table.score == "mae" else 100.0


def _panel(curves: pd.DataFrame, name: str, table: Table, span: list[float]) -> Any:
    shown = curves[curves["family"].isin([name, FULLY_CONNECTED])]
    reference = list(dict.fromkeys(shown.loc[shown["family"] == FULLY_CONNECTED, "head"]))
    own = [head for head in dict.fromkeys(shown["head"]) if head not in reference]
    colors = [REFERENCE_COLORS[i % 2] for i in range(len(reference))]
    colors += [FAMILY_COLORS[i % len(FAMILY_COLORS)] for i in range(len(own))]
    x = alt.X("budget:O", sort=table.budgets, title=budget_title(table), axis=alt.Axis(labelAngle=0))
    y_scale = alt.Scale(domain=span, nice=False)
    color = alt.Color(
        "head:N",
        scale=alt.Scale(domain=[*reference, *own], range=colors),
        legend=alt.Legend(
            orient="bottom",
            title=None,
            columns=2,
            labelLimit=220,
            symbolType="stroke",
            symbolOpacity=1,
            symbolStrokeWidth=3,
        ),
    )
    title = f"{name} against {FULLY_CONNECTED} (black, grey)" if reference and own else name
    base = alt.Chart(shown).encode(x=x, color=color)
    axis = score_name(table.score) + ("" if table.score == "mae" else ", %")
    digits = ".3~r" if table.score == "mae" else ".1f"
    spread = base.mark_area(opacity=0.13) if len(table.budgets) > 1 else base.mark_rule(strokeWidth=2, opacity=0.5)
    band = spread.encode(y=alt.Y("low:Q", scale=y_scale, title=axis), y2="high:Q")
    line = base.mark_line(point=alt.OverlayMarkDef(size=28), strokeWidth=2).encode(
        y=alt.Y("score:Q", scale=y_scale, title=axis),
        tooltip=[
            alt.Tooltip("head:N"),
            alt.Tooltip("budget:O", title=budget_title(table)),
            alt.Tooltip("score:Q", format=digits),
            alt.Tooltip("half_width:Q", format=digits, title="±"),
        ],
    )
    return alt.layer(band, line, title=alt.Title(title, anchor="start", fontSize=13))


def figure(table: Table, columns: int = 3) -> Any:
    """All panels of a table as one chart."""
    panels = [panel.properties(width=250, height=210) for panel in family_panels(table)]
    return alt.concat(*panels, columns=columns).resolve_scale(color="independent").configure_view(stroke=None)
