"""Cells arranged in rows and columns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pandas as pd

from embedkit.tables import units
from embedkit.tables.cells import KINDS, Cells
from embedkit.tables.places import place_text

EMPTY = "-"


@dataclass(frozen=True)
class Shown:
    """A cell's text, and whether it is marked as one of the best."""

    text: str
    is_best: bool


@dataclass(frozen=True)
class Grid:
    """One table: `labels` (one per line) and `header` (one per column) name what is in `cells`."""

    title: str
    row_names: list[str]
    labels: list[tuple[str, ...]]
    header: list[tuple[str, ...]]
    cells: list[list[Shown | None]]


def split(cells: Cells) -> Iterator[Cells]:
    """The cells of each table, with the trials behind them."""
    if not cells.apart:
        yield cells
        return
    for values, frame in cells.frame.groupby(cells.apart, observed=True):
        place = dict(zip(cells.apart, values, strict=True))
        chosen, trials = (_at(rows, place) for rows in (cells.chosen, cells.trials))
        yield replace(cells, frame=frame, chosen=chosen, trials=trials)


def _at(rows: pd.DataFrame, place: dict[str, str]) -> pd.DataFrame:
    for name, value in place.items():
        rows = rows[rows[name] == value]
    return rows


def arrange(cells: Cells) -> Grid:
    """The cells of one table, arranged."""
    factor, unit = units.scale(cells.value, cells.frame["estimate"])
    lines = zip(
        _labels(cells.frame, cells.rows), _labels(cells.frame, cells.columns), cells.frame.itertuples(), strict=True
    )
    placed = {
        (label, column): Shown(
            units.text(cells.value, line.estimate, line.low, line.high, factor),
            cells.compares_heads and pd.notna(line.among_best) and bool(line.among_best),
        )
        for label, column, line in lines
    }
    labels, header = _distinct(cells.frame, cells.rows), _distinct(cells.frame, cells.columns)
    place, what = _place(cells), units.title(cells.value, unit)
    title = f"{place}: {what}" if place else what
    return Grid(
        f"{title}, {_by(cells)}" if cells.columns else title,
        cells.rows,
        labels,
        header if cells.columns else [("",)],
        [[placed.get((label, column)) for column in header] for label in labels],
    )


def sparse(labels: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Labels of rows without what the row above says already."""
    told, above = [], ("",) * len(labels[0])
    for label in labels:
        new = next((at for at, (old, own) in enumerate(zip(above, label, strict=True)) if old != own), 0)
        told.append((*[""] * new, *label[new:]))
        above = label
    return told


def _labels(part: pd.DataFrame, names: list[str]) -> list[tuple[str, ...]]:
    told = [[EMPTY if pd.isna(value) else str(value) for value in part[name]] for name in names]
    return list(zip(*told, strict=True)) if names else [()] * len(part)


def _distinct(part: pd.DataFrame, names: list[str]) -> list[tuple[str, ...]]:
    return list(dict.fromkeys(_labels(part.sort_values(names) if names else part, names)))


def _by(cells: Cells) -> str:
    if cells.columns != ["budget"] or cells.about_distances:
        return f"by {', '.join(cells.columns)}"
    counted = {str(budget) for budget in cells.frame["budget"]}
    if (cells.trials["task"] == "regression").all():
        return "by labels"
    return "by labels per class" if all(map(str.isdigit, counted)) else "by labels (numbers: per class)"


def _place(cells: Cells) -> str:
    """What all cells of a table have in common, in words."""
    first = cells.frame.iloc[0]
    unnamed = [name for name in KINDS if name in first and name not in {*cells.rows, *cells.columns}]
    return place_text({name: str(first[name]) for name in unnamed if pd.notna(first[name])})
