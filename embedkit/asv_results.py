"""Results of asv, the benchmarks of embedkit's own versions, as a DataFrame. asv itself is not needed."""

from __future__ import annotations

import ast
import itertools
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from embedkit.errors import EmbedkitError

BENCHMARKS = "benchmarks.json"
_MACHINE = "machine.json"
_VERSION = 2
COLUMNS = ["commit", "date", "benchmark", "params", "value", "unit", "machine", "environment"]


def asv_table(folder: str | Path) -> pd.DataFrame:
    """What asv measured, in one tidy table.

    Parameters
    ----------
    folder : str or Path
        asv's folder of results, such as ``results/asv``.

    Returns
    -------
    DataFrame
        A row for each commit, benchmark, combination of its parameters, machine and environment: ``commit`` (the whole
        hash), ``date`` (of the commit, UTC), ``benchmark``, ``params`` (such as ``head=svm, budget=5``), ``value`` (NaN
        where the benchmark failed), ``unit``, ``machine``, ``environment``, and a column for each parameter, by its
        name, as text. Smaller values are better. Left out is what was skipped, and, as in asv's own pages, what was
        measured by benchmarks that are no longer there, or that have another version now.

    Raises
    ------
    EmbedkitError
        Where there is no such folder, nothing in it, or a file in it is broken; the file is named.
    """
    folder = Path(folder)
    if not (folder / BENCHMARKS).is_file():
        there = "it holds no benchmarks.json" if folder.is_dir() else "there is no such folder"
        raise EmbedkitError(f"no results of asv at {folder}: {there}; tox -e bench makes results/asv")
    benchmarks = _read(folder / BENCHMARKS)
    files = sorted(file for file in folder.glob("*/*.json") if file.name != _MACHINE)
    rows = [row for file in files for row in _rows(_read(file), benchmarks, file)]
    if not rows:
        raise EmbedkitError(
            f"no results of asv at {folder}: it holds benchmarks, but none was run; tox -e bench runs them"
        )
    names = [name for row in rows for name in row]
    table = pd.DataFrame(rows, columns=list(dict.fromkeys([*COLUMNS, *names])))
    table["date"] = pd.to_datetime(table["date"], unit="ms", utc=True)
    return table.sort_values(["date", "commit", "machine", "environment"], kind="stable", ignore_index=True)


def _read(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise EmbedkitError(f"{file} cannot be read: {error}; remove it, and run asv again") from None
    if not isinstance(found, dict) or found.get("version") != _VERSION:
        raise EmbedkitError(f"{file} is no file of asv in its format {_VERSION}; asv update brings old ones to it")
    return found


def _rows(found: dict[str, Any], benchmarks: dict[str, Any], file: Path) -> Iterator[dict[str, Any]]:
    """The rows of one commit in one environment."""
    try:
        about = {
            "commit": found["commit_hash"],
            "date": found["date"],
            "machine": found["params"]["machine"],
            "environment": found["env_name"],
        }
        for name, measured in found["results"].items():
            result = dict(zip(found["result_columns"], measured, strict=False))
            benchmark = benchmarks.get(name)
            if benchmark and benchmark["version"] == result["version"]:
                for params, value in _values(result, benchmark["param_names"]):
                    words = ", ".join(f"{key}={each}" for key, each in params.items())
                    row = {"benchmark": name, "params": words, "value": value, "unit": benchmark["unit"]}
                    yield params | about | row
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise EmbedkitError(f"{file} lacks what asv writes ({error}); remove it, and run asv again") from None


def _values(result: dict[str, Any], names: list[str]) -> Iterator[tuple[dict[str, str], float]]:
    """Parameters and value, of what was not skipped."""
    combinations = list(itertools.product(*result["params"]))
    values = result["result"] or [None] * len(combinations)
    for combination, value in zip(combinations, values, strict=True):
        if value is None or not math.isnan(value):
            yield dict(zip(names, map(_plain, combination), strict=True)), math.nan if value is None else value


def _plain(written: str) -> str:
    """The text behind the repr of a text; others as they are."""
    try:
        return str(ast.literal_eval(written))
    except (ValueError, SyntaxError):
        return written
