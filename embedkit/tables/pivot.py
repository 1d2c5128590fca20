"""Cells arranged in rows and columns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

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


def grids(cells: Cells) -> Iterator[Grid]:
    """A grid for each table."""
    factor, unit = units.scale(cells.value, cells.frame["estimate"])
    what = units.title(cells.value, unit)
    for part in tables_apart(cells.frame, cells.apart):
        lines = zip(_labels(part, cells.rows), _labels(part, cells.columns), part.itertuples(), strict=True)
        placed = {
            (label, column): Shown(
                units.text(cells.value, line.estimate, line.low, line.high, factor),
                pd.notna(line.among_best) and bool(line.among_best),
            )
            for label, column, line in lines
        }
        labels, header = _distinct(part, cells.rows), _distinct(part, cells.columns)
        title = f"{place}: {what}" if (place := _place(cells, part)) else what
        yield Grid(
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


def tables_apart(frame: pd.DataFrame, apart: list[str]) -> list[pd.DataFrame]:
    """The lines of each table."""
    return [part for _, part in frame.groupby(apart, observed=True, dropna=False)] if apart else [frame]


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


def _place(cells: Cells, part: pd.DataFrame) -> str:
    """What all cells of a table have in common, in words."""
    unnamed = [name for name in KINDS if name in part and name not in {*cells.rows, *cells.columns, *cells.averaged}]
    return place_text({name: str(part[name].iloc[0]) for name in unnamed if pd.notna(part[name].iloc[0])})
