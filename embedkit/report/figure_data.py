"""All numbers that the figures of a study are made of, read once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from embedkit.outcomes import Outcomes
from embedkit.report.details import Details, read_details
from embedkit.report.figures.curves import curve_frame
from embedkit.report.figures.differences import difference_frame
from embedkit.report.figures.pareto import cost_frame


@dataclass(frozen=True, eq=False)
class FigureData:
    """Rows, what heads got right, and the frames of figures."""

    rows: pd.DataFrame
    found: list[Outcomes]
    curves: pd.DataFrame
    differences: pd.DataFrame
    costs: pd.DataFrame
    details: Details


def read_figure_data(folder: Path, rows: pd.DataFrame, found: list[Outcomes]) -> FigureData:
    """Of the trials in `rows`, by `study_rows`, and what they got right, by `read_outcomes`."""
    curves = curve_frame(found, rows)
    details = read_details(folder, rows, found)
    return FigureData(rows, found, curves, difference_frame(found), cost_frame(curves, rows), details)
