"""Which trials a table is about: columns, values and conditions, checked against what the results hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from embedkit.errors import EmbedkitError, listing
from embedkit.outcomes import study_rows
from embedkit.report.distances import distance_rows
from embedkit.spec import did_you_mean, parse_chain

NO_VALUES = ("repeat", "fold", "run_id", "head_seed", "backbone_seed")
"""Columns of numbers that measure nothing."""


def rows_about(folder: Path, columns: Iterable[str]) -> pd.DataFrame:
    """The latest trials of heads, or, where the metric is among the columns, comparisons of distances.

    Raises
    ------
    EmbedkitError
        Where there are none.
    """
    if "metric" in set(columns):
        if (rows := distance_rows(folder)).empty:
            raise EmbedkitError(f"{folder} holds no comparisons of distances, and only these have a metric")
        return rows
    if (rows := study_rows(folder)).empty:
        raise EmbedkitError(
            f"{folder} holds no trials of heads; for distances give --rows metric --columns backbone --value map"
        )
    return rows


def check_columns(asked: Iterable[str], rows: pd.DataFrame) -> None:
    """Stop where a table is asked for by a column that is not there, or that is a score."""
    known = [name for name in rows.columns if not pd.api.types.is_float_dtype(rows[name])]
    for name in asked:
        if name in rows.columns and name not in known:
            raise EmbedkitError(f"{name} is a score or cost, not a column to arrange by; give it by --value {name}")
        if name not in known:
            raise EmbedkitError(f"unknown column {name!r}{did_you_mean(name, known)} columns: {', '.join(known)}")


def keep(rows: pd.DataFrame, where: Mapping[str, Any]) -> pd.DataFrame:
    """The rows with these values, or any value of a list, in these columns.

    Raises
    ------
    EmbedkitError
        Where a value, or a combination of values, does not occur.
    """
    kept = rows
    for name, values in where.items():
        told = rows[name].astype("object").where(rows[name].notna(), "-").map(str)
        for value in map(str, values if isinstance(values, list | tuple | set) else [values]):
            if not told.isin(_spellings(value)).any():
                there = list(dict.fromkeys(told))
                raise EmbedkitError(
                    f"no trial has {name} {value!r}{did_you_mean(value, there)} there are: {listing(there, 12)}"
                )
        wanted = {each for value in _as_list(values) for each in _spellings(str(value))}
        kept = kept[told.loc[kept.index].isin(wanted)]
    if kept.empty:
        raise EmbedkitError(f"no trial has {' and '.join(f'{name} {value}' for name, value in where.items())} at once")
    return kept.assign(budget=kept["budget"].cat.remove_unused_categories())


def _as_list(values: Any) -> list[Any]:
    return list(values) if isinstance(values, list | tuple | set) else [values]


def _spellings(value: str) -> set[str]:
    """A value as written, and, if it is a spec, in the form that results hold."""
    try:
        return {value, " | ".join(map(str, parse_chain(value)))}
    except EmbedkitError:
        return {value}


def with_value(rows: pd.DataFrame, value: str) -> pd.DataFrame:
    """The finished rows that have a value.

    Raises
    ------
    EmbedkitError
        Where it is unknown, is no number, or is missing everywhere.
    """
    numbers = [name for name in rows.columns if pd.api.types.is_numeric_dtype(rows[name]) and name not in NO_VALUES]
    there = [name for name in numbers if rows[name].notna().any() and not name.endswith("_half_width")]
    if value not in rows.columns:
        raise EmbedkitError(f"unknown value {value!r}{did_you_mean(value, there)} values: {', '.join(there)}")
    if value not in numbers:
        raise EmbedkitError(f"{value} is no number to show; values: {', '.join(there)}")
    if value not in there:
        raise EmbedkitError(f"no finished trial among these has a {value}; there are: {', '.join(there)}")
    return rows[rows[value].notna()]
