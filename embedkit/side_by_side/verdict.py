"""How a comparison of two sets of results ends."""

from __future__ import annotations

import pandas as pd

from embedkit.errors import counted
from embedkit.report.numbers import difference_text
from embedkit.statistics import Interval

STATUS = {"same": 0, "level": 0, "differ": 1, "undecided": 3}
"""Exit statuses, by how a comparison ends."""


def ending(cells: pd.DataFrame) -> str:
    """A key of `STATUS`."""
    verdicts = set(cells["verdict"])
    if verdicts & {"better", "worse"}:
        return "differ"
    return "undecided" if "undecided" in verdicts else "same" if verdicts == {"same"} else "level"


def verdict_line(cells: pd.DataFrame, margin: float) -> str:
    """The verdict in one line, on cells as `compare_results` gives them."""
    trials, of, within = cells["trials"].sum(), counted(len(cells), "cell"), margin_text(cells, margin)
    compared = f"{counted(trials, 'trial')} in {of}"
    by_verdict = {verdict: cells[cells["verdict"] == verdict] for verdict in ("better", "worse", "undecided")}
    undecided = by_verdict["undecided"]
    match ending(cells):
        case "same":
            return f"the same: {compared}, every prediction equal"
        case "level":
            return f"level: {compared}{_equal(cells)}, no difference beyond {within}"
        case "undecided":
            widest = undecided.loc[(undecided["high"] - undecided["low"]).idxmax()]
            example = f"{widest['head']}, budget {widest['budget']}: {cell_difference(widest)}"
            return (
                f"undecided: no cell differs, but {len(undecided)} of {of} may differ by more than {within} ({example})"
            )
    if by_verdict["better"].empty:
        told = f"worse in {len(by_verdict['worse'])} of {of} (by up to {_largest(by_verdict['worse'])}), better in none"
    else:
        told = f"better in {len(by_verdict['better'])} of {of} (by up to {_largest(by_verdict['better'])}), worse in "
        worse = by_verdict["worse"]
        told += f"{len(worse)} (by up to {_largest(worse)})" if len(worse) else "none"
    return f"A is {told}" + (f", undecided in {len(undecided)}" if len(undecided) else "")


def margin_text(cells: pd.DataFrame, margin: float) -> str:
    """The margin in words."""
    if (cells["score"] == "mae").all():
        return f"{margin:g}% of the error of saying the median"
    return f"{margin:g} point{'s' * (margin != 1)}"


def cell_difference(cell: pd.Series) -> str:
    """The difference of a cell with its interval, in points or in units of the target."""
    return difference_text(Interval(cell["difference"], (cell["high"] - cell["low"]) / 2), cell["score"])


def _equal(cells: pd.DataFrame) -> str:
    if cells["equal_predictions"].isna().any():
        return ""
    equal = (cells["equal_predictions"] * cells["trials"]).sum() / cells["trials"].sum()
    return f", {100 * equal:.2f}% equal predictions"


def _largest(cells: pd.DataFrame) -> str:
    cell = cells.loc[cells["difference"].abs().idxmax()]
    return cell_difference(cell).split()[0].lstrip("+-") + (" points" if cell["score"] != "mae" else "")
