"""What asv measured of embedkit's versions, for the page: drawn where ``asv`` lies beside a study's results."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

import pandas as pd

from embedkit.asv_results import BENCHMARKS, asv_table
from embedkit.errors import EmbedkitError, counted
from embedkit.report import html
from embedkit.report.figures.history import history_frame, history_panel
from embedkit.report.payload import columns
from embedkit.report.template import template

FOLDER = "asv"


def read_history(results: Path) -> pd.DataFrame | EmbedkitError | None:
    """The `asv_table` of what lies beside a results folder, why it cannot be read, or None where there is none."""
    folder = results.resolve().parent / FOLDER
    if not (folder / BENCHMARKS).is_file():
        return None
    try:
        return asv_table(folder)
    except EmbedkitError as error:
        return error


def history_section(history: pd.DataFrame | EmbedkitError | None) -> str:
    """A chart for each benchmark; nothing where there is no history."""
    if history is None:
        return ""
    if isinstance(history, EmbedkitError):
        return html.section("Versions of embedkit", html.paragraph(str(history), "note"), "history", closed=True)
    commits, machines = history["commit"].nunique(), sorted(history["machine"].unique())
    words = (
        f"What asv measured of {counted(commits, 'commit')} of embedkit itself, on {', '.join(machines)}; lower is "
        "better. Lines in colour are those that moved most. The same as a table: embedkit asv-table."
    )
    places = "".join(
        f"<div><h4>{escape(benchmark)}</h4><div class='chart' id='{_place(number)}'></div></div>"
        for number, benchmark in enumerate(_drawn(history))
    )
    charts = f"<div class='charts'>{places}</div>"
    return html.section("Versions of embedkit", html.paragraph(words, "note") + charts, "history", closed=True)


def history_charts(history: pd.DataFrame | EmbedkitError | None) -> list[dict[str, Any]]:
    """For the page's scripts: places, charts without rows, and rows."""
    if not isinstance(history, pd.DataFrame):
        return []
    charts = []
    for number, measured in enumerate(_drawn(history).values()):
        frame = history_frame(measured)
        drawn = template(history_panel(frame), frame, height=180)
        charts.append({"place": _place(number), "template": drawn, "rows": columns(frame)})
    return charts


def _drawn(history: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The rows of each benchmark that has values."""
    return {str(name): rows for name, rows in history.dropna(subset="value").groupby("benchmark")}


def _place(number: int) -> str:
    return f"history-{number + 1}"
