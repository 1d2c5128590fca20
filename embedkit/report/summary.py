"""What a study found: scores with intervals, the set of the best, where fully connected heads stand, and costs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from embedkit import statistics
from embedkit.frames import load_results
from embedkit.heads import HEADS
from embedkit.results import ImageSet, iterate_predictions
from embedkit.scores import headline_score
from embedkit.spec import parse
from embedkit.statistics import Interval

FULLY_CONNECTED = "fully connected"
ORACLE = "oracle"
PLACE = ("dataset", "backbone", "codec", "selection")
Place = tuple[str, ...]
"""What the trials of one table share."""


@dataclass(frozen=True, eq=False)
class Measured:
    """One head at one budget: what was right (R, n), in which folds (R, n) if cross-validated, and the repeats (R,).

    Of numbers, what was right is the negative absolute error.
    """

    correct: np.ndarray
    folds: np.ndarray | None
    repeats: tuple[int, ...]


@dataclass(frozen=True)
class Cell:
    """A score with its interval, both in percent (errors: in units of the target), and whether the head cannot be told
    from the best.
    """

    interval: Interval
    among_best: bool


@dataclass(frozen=True, eq=False)
class Table:
    """Heads by budgets on one embedding; a cell is absent where trials are missing.

    `standing` holds, by family and budget, how far the champion of the fully connected heads is ahead of that family's,
    in percentage points (errors: by how much smaller its error is). `median_mae` is the mean absolute error of always
    saying the median of the tested targets.
    """

    dataset: str
    backbone: str
    codec: str
    selection: str
    score: str
    heads: list[str]
    budgets: list[str]
    cells: dict[tuple[str, str], Cell]
    standing: dict[str, dict[str, Interval]]
    median_mae: float | None = None


@dataclass(frozen=True, eq=False)
class Summary:
    """All tables of a study, its rows, and the trials that gave no score (status, reason, count, an example)."""

    tables: list[Table]
    rows: pd.DataFrame
    without_score: pd.DataFrame


def summarise(folder: Path, score: str = "auto", keys: Iterable[str] | None = None) -> Summary:
    """Summarise the trials with these keys; without keys, the latest row of everything that is there."""
    rows = load_results(folder)
    rows = rows[rows["experiment"] == "heads"]
    rows = latest(rows, [*PLACE, "head"]) if keys is None else rows[rows["key"].isin(set(keys))]
    rows = rows.reset_index(drop=True)
    rows["budget"] = rows["budget"].cat.remove_unused_categories()
    wanted = set(rows["key"])
    measured: dict[Place, dict[tuple[str, str], dict[int, list[_Part]]]] = {}
    tests: dict[str, ImageSet] = {}
    for row, test, predictions in iterate_predictions(folder, {}):
        if row["key"] in wanted:
            tests[test.sha256] = test
            place = measured.setdefault(tuple(row[name] for name in PLACE), {})
            repeats = place.setdefault((row["head"], row["budget"]), {})
            right = _right(predictions.predicted, test.truth)
            repeats.setdefault(row["repeat"], []).append(_Part(row["fold"], test.sha256, right))
    ordered = [(place, measured[place]) for place in _as_written(rows, measured)]
    budgets = {
        name: list(budget.cat.remove_unused_categories().cat.categories)
        for name, budget in rows.groupby("dataset")["budget"]
    }
    tables = [_table(place, cells, tests, score, budgets[place[0]]) for place, cells in ordered]
    missing = rows[rows["status"] != "ok"]
    without_score = missing.groupby(["status", "error"], observed=True).agg(
        trials=("key", "size"), heads=("head", lambda heads: ", ".join(sorted(set(heads))))
    )
    return Summary(tables, rows, without_score.reset_index())


def _right(predicted: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Per image, larger is better: 0 or 1 for classes, the negative absolute error for numbers."""
    if truth.dtype.kind == "f":
        return -np.abs(predicted - truth)
    return (predicted == truth).astype(np.int8)


def latest(rows: pd.DataFrame, place: Sequence[str]) -> pd.DataFrame:
    """Of each data set the rows on what it last held, and of each place, by its columns, those of its latest inputs."""
    for names, content in ((["dataset"], "data_sha256"), (list(place), "inputs_sha256")):
        by_run = rows.sort_values("run_id", kind="stable")
        last = by_run.groupby(names, observed=True)[content].transform("last").loc[rows.index]
        rows = rows[rows[content] == last]
    return rows


@dataclass(frozen=True, eq=False)
class _Part:
    fold: int | None
    test_sha256: str
    right: np.ndarray


def _as_written(rows: pd.DataFrame, measured: Iterable[Place]) -> list[Place]:
    """In the order of their mean score, so that the best stands last, next to the prompt; what is not ranked first."""
    scores = rows.reindex(columns=["accuracy", "mae"])
    better = rows.assign(better=scores["accuracy"].fillna(-scores["mae"]))
    means = better.groupby(list(PLACE), observed=True)["better"].mean()
    return sorted(measured, key=lambda place: (place[0], place[-1] != ORACLE, means.get(place, 0.0)))


def _table(
    place: Place,
    cells: dict[tuple[str, str], dict[int, list[_Part]]],
    tests: dict[str, ImageSet],
    score: str,
    budgets: list[str],
) -> Table:
    used = {part.test_sha256 for repeats in cells.values() for parts in repeats.values() for part in parts}
    ids = sorted({image for sha256 in used for image in tests[sha256].ids})
    column = {image: number for number, image in enumerate(ids)}
    groups = np.zeros(len(ids), dtype=np.int64)
    truth = np.zeros(len(ids), dtype=tests[next(iter(used))].truth.dtype)
    for sha256 in used:
        at = [column[image] for image in tests[sha256].ids]
        truth[at], groups[at] = tests[sha256].truth, tests[sha256].groups
    score = headline_score(score, truth)
    images = statistics.images_for(score, truth, groups)
    heads = sorted({head for head, _ in cells}, key=_place)
    found: dict[tuple[str, str], Cell] = {}
    standing: dict[str, dict[str, Interval]] = {}
    for budget in budgets:
        here = _complete(
            {head: _matrix(cells[head, budget], tests, column) for head in heads if (head, budget) in cells},
            draws_are_one=budget == "all" and len(used) == 1,
        )
        if not here:
            continue
        folds = next(iter(here.values())).folds
        correct = {head: measured.correct for head, measured in here.items()}
        best = statistics.best_set(correct, images, folds) if place[-1] != ORACLE else set()
        for head, matrix in correct.items():
            found[head, budget] = Cell(_shown(statistics.interval(matrix, images, folds), score), head in best)
        if place[-1] == ORACLE:
            continue
        for family, difference in _standing(correct, images, ids, folds, len(budgets)).items():
            standing.setdefault(family, {})[budget] = difference if score == "mae" else _percent(difference)
    median_mae = float(np.mean(np.abs(truth - np.median(truth)))) if score == "mae" else None
    dataset, backbone, codec, selection = place
    return Table(dataset, backbone, codec, selection, score, heads, budgets, found, standing, median_mae)


def _matrix(repeats: dict[int, list[_Part]], tests: dict[str, ImageSet], column: dict[str, int]) -> Measured | None:
    """Repeats x images, of the repeats in which every image was tested."""
    rows, fold_rows, complete = [], [], []
    for repeat, parts in sorted(repeats.items()):
        row, seen = np.zeros(len(column), dtype=parts[0].right.dtype), np.zeros(len(column), dtype=bool)
        fold_row = np.zeros(len(column), dtype=np.int64)
        for part in parts:
            at = [column[image] for image in tests[part.test_sha256].ids]
            row[at], seen[at] = part.right, True
            fold_row[at] = part.fold or 0
        if seen.all():
            rows.append(row)
            fold_rows.append(fold_row)
            complete.append(repeat)
    if not rows:
        return None
    cross_validated = any(part.fold is not None for parts in repeats.values() for part in parts)
    return Measured(np.stack(rows), np.stack(fold_rows) if cross_validated else None, tuple(complete))


def _complete(measured: dict[str, Measured | None], draws_are_one: bool) -> dict[str, Measured]:
    """Heads with the repeats that most have; where all draws are one, a head without chance runs once, for all."""
    there = {head: m for head, m in measured.items() if m is not None}
    most = max((m.repeats for m in there.values()), key=len, default=())
    return {
        head: m if m.repeats == most else Measured(np.repeat(m.correct, len(most), axis=0), m.folds, most)
        for head, m in there.items()
        if m.repeats == most or (draws_are_one and m.repeats == (0,))
    }


def _place(head: str) -> tuple[int, str]:
    """Where a head stands in tables: in the order of `HEADS`, those of other versions last."""
    known = list(HEADS)
    name = parse(head).name
    return known.index(name) if name in known else len(known), head


def family(head: str) -> str:
    """The family that a head's spec belongs to."""
    name = parse(head).name
    return HEADS[name].family if name in HEADS else "other"


def _standing(
    correct: dict[str, np.ndarray],
    images: statistics.Images,
    ids: list[str],
    folds: np.ndarray | None,
    n_budgets: int,
) -> dict[str, Interval]:
    """By family, how far the fully connected champion is ahead; 95% holds for all families and budgets together."""
    families: dict[str, list[np.ndarray]] = {}
    for head, matrix in correct.items():
        families.setdefault(family(head), []).append(matrix)
    ours = families.pop(FULLY_CONNECTED, None)
    if not ours:
        return {}
    confidence = 1 - (1 - statistics.CONFIDENCE) / (n_budgets * max(len(families), 1))
    return {
        name: statistics.champion_difference(ours, theirs, images, ids, folds, confidence)
        for name, theirs in families.items()
    }


def _shown(interval: Interval, score: str) -> Interval:
    """As tables show it: errors are positive."""
    return Interval(-interval.estimate, interval.half_width) if score == "mae" else _percent(interval)


def _percent(interval: Interval) -> Interval:
    return Interval(100 * interval.estimate, 100 * interval.half_width)
