"""The cells of a table: one value for each row and column, with an interval where there is one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from embedkit.errors import EmbedkitError, counted
from embedkit.heads import HEADS
from embedkit.outcomes import Outcomes, read_outcomes
from embedkit.spec import parse, split_list
from embedkit.tables.choice import check_columns, keep, rows_about, with_value
from embedkit.tables.headline import SCORES, estimates, usual_score, with_estimates

KINDS = ("dataset", "backbone", "codec", "selection", "head", "metric", "budget")
"""What no cell averages over unless asked to."""
COSTS = ("fit_s", "predict_s", "select_s", "head_bytes")
"""Values whose median is shown."""
Names = str | Sequence[str]


@dataclass(frozen=True, eq=False)
class Cells:
    """What tables show: a line per cell, as `table` returns it, and the trials behind them.

    `apart` are the columns by which there is more than one table, `averaged` those that cells were asked to average
    over. `chosen` are all trials that were asked for, `trials` those of them that have the value.
    """

    rows: list[str]
    columns: list[str]
    value: str
    apart: list[str]
    averaged: list[str]
    frame: pd.DataFrame
    chosen: pd.DataFrame
    trials: pd.DataFrame

    @property
    def about_distances(self) -> bool:
        return bool((self.trials["experiment"] == "distances").all())

    @property
    def compares_heads(self) -> bool:
        """Whether a mark for the best heads says anything."""
        return self.trials["head"].nunique() > 1


def table(
    results: str | Path,
    rows: Names = "head",
    columns: Names = "budget",
    value: str | None = None,
    *,
    where: Mapping[str, Any] | None = None,
    mean: Names = (),
) -> pd.DataFrame:
    """Any score or cost by any columns of the results: what ``embedkit table`` shows, as a tidy data frame.

    Parameters
    ----------
    results : str or Path
        A results folder or its ``results.sqlite``.
    rows, columns : str or sequence of str
        Columns of the results, such as ``"head"`` or ``"dataset, budget"``.
    value : str, optional
        A score or cost; default: the score of the study. Accuracies, macro-F1 and mean absolute error come with 95%
        intervals over label draws and test images; other scores are means over repeats and folds, and ``fit_s``,
        ``predict_s``, ``select_s`` and ``head_bytes`` medians over the trials in which they were measured.
    where : mapping, optional
        Columns and the value, or list of values, to keep, such as ``{"budget": [5, 25]}``.
    mean : str or sequence of str
        Columns such as ``"backbone"`` whose values are averaged in each cell, without interval.

    Returns
    -------
    DataFrame
        A line per cell: what it is about, ``value`` (the name), ``estimate``, ``low``, ``high`` (NaN without interval),
        ``among_best`` (cannot be told from the best of these heads on the same embedding at the same budget; missing
        where cells are no heads) and ``trials``. Scores are as in the results: accuracies from 0 to 1. ``head`` and
        ``budget`` are ordered categories.

    Raises
    ------
    EmbedkitError
        Where there are no results, or they hold no such column, value or trials.
    """
    return make_cells(Path(results), names(rows), names(columns), value, dict(where or {}), names(mean)).frame


def names(given: Names) -> list[str]:
    """Names of columns as a list, each once."""
    return list(dict.fromkeys(split_list(given) if isinstance(given, str) else given))


def make_cells(
    folder: Path, rows: list[str], columns: list[str], value: str | None, where: dict[str, Any], mean: list[str]
) -> Cells:
    """Choose the trials, see what varies within a cell, and give each cell its value."""
    named = [*rows, *columns]
    if twice := [name for name in named if [*named, *mean].count(name) > 1]:
        raise EmbedkitError(f"{twice[0]} is named twice: a column goes into the rows, the columns, or the mean")
    found = rows_about(folder, [*named, *where, *mean])
    check_columns([*named, *where, *mean], found)
    if free := [name for name in mean if name not in KINDS]:
        raise EmbedkitError(f"cells are means over {free[0]} anyway; by name they can be over {', '.join(KINDS)}")
    chosen = keep(found, where)
    done = chosen[chosen["status"] == "ok"]
    if done.empty:
        first, told = chosen.iloc[0], counted(len(chosen), "trial")
        raise EmbedkitError(f"of these {told} none has a score; the first, {first['status']}: {first['error']}")
    done, value, measured = _measured(folder, done, value)

    describing = [name for name in named if name not in KINDS]  # such as n_labeled, which settles the budget
    apart = [name for name in KINDS if name not in {*named, *mean} and _varies(done, describing, name)]
    by = [*apart, *named]
    told = done.columns[done.notna().any()]
    same = [name for name in KINDS if name in told and name not in {*by, *mean} and not _varies(done, by, name)]
    grouped = done.assign(head=_in_order(done["head"])).groupby(by, observed=True, dropna=False)
    frame = grouped[[*same, "key"]].first().drop(columns="key")
    estimate = grouped[value].median() if value in COSTS else grouped[value].mean()
    frame = frame.assign(value=value, estimate=estimate.astype(float), trials=grouped.size()).reset_index()
    if measured is None:
        frame = _with_half_widths(frame, grouped, value)
    else:
        frame = with_estimates(frame, done, estimates(measured), mark="head" in named)
    first = [name for name in KINDS if name in frame and name not in named]
    frame = frame[[*first, *named, "value", "estimate", "low", "high", "among_best", "trials"]]
    return Cells(rows, columns, value, apart, mean, frame, chosen, done)


def _measured(folder: Path, done: pd.DataFrame, value: str | None) -> tuple[pd.DataFrame, str, list[Outcomes] | None]:
    """The trials that have the value, its name, and what heads got right in them if that decides it.

    Nothing at all of distances, whose rows hold their intervals.
    """
    if (done["experiment"] == "distances").any():
        if value is None:
            raise EmbedkitError("distances have several scores; give one by --value: map, roc_auc, recall_at_1, ...")
        return with_value(done, value), value, None
    if value is None:
        measured = read_outcomes(folder, done)
        value = usual_score(measured)
        return with_value(done, value), value, measured
    done = with_value(done, value)
    return done, value, read_outcomes(folder, done, value) if value in SCORES else []


def _varies(rows: pd.DataFrame, by: list[str], name: str) -> bool:
    """Whether a column takes several values among rows that agree in others."""
    if not by:
        return bool(rows[name].nunique(dropna=False) > 1)
    return bool(rows.groupby(by, observed=True, dropna=False)[name].nunique(dropna=False).max() > 1)


def _in_order(heads: pd.Series) -> pd.Series:
    """Heads as a category in the order of `HEADS`, those of other versions last."""
    known = list(HEADS)
    there = heads.dropna().unique()
    place = {head: known.index(name) if (name := parse(head).name) in known else len(known) for head in there}
    return heads.astype(pd.CategoricalDtype(sorted(there, key=lambda head: (place[head], head)), ordered=True))


def _with_half_widths(cells: pd.DataFrame, grouped: Any, value: str) -> pd.DataFrame:
    """Cells of distances: their rows hold the half-width of an interval; nothing is marked."""
    half_width = f"{value}_half_width"
    spread = grouped[half_width].first().to_numpy() if half_width in grouped.obj else np.nan
    spread = np.where(cells["trials"] == 1, spread, np.nan)
    unmarked = pd.array([None] * len(cells), "boolean")
    return cells.assign(low=cells["estimate"] - spread, high=cells["estimate"] + spread, among_best=unmarked)
