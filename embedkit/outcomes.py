"""What heads got right: matrices of repeats by test images, on the same draws and images for every head."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd

from embedkit import statistics
from embedkit.frames import load_results
from embedkit.heads import HEADS
from embedkit.results import ImageSet, iterate_predictions
from embedkit.scores import headline_score
from embedkit.spec import parse

FULLY_CONNECTED = "fully connected"
ORACLE = "oracle"
MACRO_F1 = "macro_f1"
PLACE = ("dataset", "backbone", "codec", "selection")
Place = tuple[str, ...]
"""What the trials of one table share."""


@dataclass(frozen=True, eq=False)
class Measured:
    """One head at one budget: what was right (R, n), in which folds (R, n) if cross-validated, the repeats (R,), where
    the head gives probabilities those of what it predicted, float32 (R, n), and of classes which it predicted (R, n).

    Of numbers, what was right is the negative absolute error; of macro-F1, what an image adds to it.
    """

    correct: np.ndarray
    folds: np.ndarray | None
    repeats: tuple[int, ...]
    confidence: np.ndarray | None = None
    predicted: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Outcomes:
    """Heads by budgets on one embedding; at a budget all heads have the same repeats and folds.

    `ids` (n,) are the test images behind the columns, which `images` describes; `measured` lacks the pairs of head and
    budget of which trials are missing. `n_labeled` and `pool_share` say how many labels a budget is, and which share of
    the pool.
    """

    dataset: str
    backbone: str
    codec: str
    selection: str
    score: str
    images: statistics.Images
    ids: list[str]
    heads: list[str]
    budgets: list[str]
    measured: dict[tuple[str, str], Measured]
    n_labeled: dict[str, float] = field(default_factory=dict)
    pool_share: dict[str, float] = field(default_factory=dict)

    def at(self, budget: str) -> dict[str, np.ndarray]:
        """What each head got right at a budget, (R, n)."""
        return {head: self.measured[head, budget].correct for head in self.heads if (head, budget) in self.measured}

    def folds(self, budget: str) -> np.ndarray | None:
        """In which fold each image was tested at a budget, (R, n), if cross-validated."""
        return next((m.folds for (_, at), m in self.measured.items() if at == budget), None)


def study_rows(folder: Path, keys: Iterable[str] | None = None) -> pd.DataFrame:
    """The rows of the trials with these keys; without keys, the latest row of everything that is there."""
    rows = load_results(folder)
    rows = rows[rows["experiment"] == "heads"]
    rows = latest(rows, [*PLACE, "head"]) if keys is None else rows[rows["key"].isin(set(keys))]
    rows = rows.reset_index(drop=True)
    rows["budget"] = rows["budget"].cat.remove_unused_categories()
    return rows


def latest(rows: pd.DataFrame, place: Sequence[str]) -> pd.DataFrame:
    """Of each data set the rows on what it last held, and of each place, by its columns, those of its latest inputs."""
    for names, content in ((["dataset"], "data_sha256"), (list(place), "inputs_sha256")):
        by_run = rows.sort_values("run_id", kind="stable")
        last = by_run.groupby(names, observed=True)[content].transform("last").loc[rows.index]
        rows = rows[rows[content] == last]
    return rows


def read_outcomes(folder: Path, rows: pd.DataFrame, score: str = "auto") -> list[Outcomes]:
    """What the heads of these rows got right, by embedding: the best on average last, what is not ranked first."""
    wanted = set(rows["key"])
    found: dict[Place, _Cells] = {}
    tests: dict[str, ImageSet] = {}
    for row, test, predictions in iterate_predictions(folder, {}):
        if row["key"] in wanted:
            tests[test.sha256] = test
            place = found.setdefault(tuple(row[name] for name in PLACE), {})
            repeats = place.setdefault((row["head"], row["budget"]), {})
            part = _Part(row["fold"], test.sha256, _small(predictions.predicted), predictions.confidence)
            repeats.setdefault(row["repeat"], []).append(part)
    labels = {name: _labels(of_dataset) for name, of_dataset in rows.groupby("dataset")}
    return [_outcomes(place, found[place], tests, score, labels[place[0]]) for place in _as_written(rows, found)]


def fixed_head(heads: Sequence[str]) -> str | None:
    """The fully connected head that stands for all: `mlp`, or the first one there is; fixed before any result."""
    ours = [head for head in heads if family(head) == FULLY_CONNECTED]
    return next((head for head in ours if parse(head).name == "mlp"), ours[0] if ours else None)


def _labels(rows: pd.DataFrame) -> pd.DataFrame:
    """By budget of a data set, from few labels to many: how many they are, and which share of the pool."""
    shares = rows.assign(pool_share=rows["n_labeled"] / rows["n_pool"])
    return shares.groupby("budget", observed=True)[["n_labeled", "pool_share"]].mean().astype(float)


def _right(predicted: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Per image, larger is better: 0 or 1 for classes, the negative absolute error for numbers."""
    if truth.dtype.kind == "f":
        return -np.abs(predicted - truth)
    return (predicted == truth).astype(np.int8)


def _small(predicted: np.ndarray) -> np.ndarray:
    """Classes in one byte where that is enough."""
    return predicted if predicted.dtype.kind == "f" else predicted.astype(np.min_scalar_type(int(predicted.max())))


@dataclass(frozen=True, eq=False)
class _Part:
    fold: int | None
    test_sha256: str
    predicted: np.ndarray
    confidence: np.ndarray | None


_Cells = dict[tuple[str, str], dict[int, list[_Part]]]
"""By head and budget, and by repeat, its folds."""


def _as_written(rows: pd.DataFrame, measured: Iterable[Place]) -> list[Place]:
    """In the order of their mean score, so that the best stands last, next to the prompt; what is not ranked first."""
    scores = rows.reindex(columns=["accuracy", "mae"])
    better = rows.assign(better=scores["accuracy"].fillna(-scores["mae"]))
    means = better.groupby(list(PLACE), observed=True)["better"].mean()
    return sorted(measured, key=lambda place: (place[0], place[-1] != ORACLE, means.get(place, 0.0)))


def _outcomes(place: Place, cells: _Cells, tests: dict[str, ImageSet], score: str, labels: pd.DataFrame) -> Outcomes:
    used = {part.test_sha256 for repeats in cells.values() for parts in repeats.values() for part in parts}
    ids = sorted({image for sha256 in used for image in tests[sha256].ids})
    column = {image: number for number, image in enumerate(ids)}
    groups = np.zeros(len(ids), dtype=np.int64)
    truth = np.zeros(len(ids), dtype=tests[next(iter(used))].truth.dtype)
    for sha256 in used:
        at = [column[image] for image in tests[sha256].ids]
        truth[at], groups[at] = tests[sha256].truth, tests[sha256].groups
    score = headline_score(score, truth)
    heads = sorted({head for head, _ in cells}, key=_place)
    budgets = [str(budget) for budget in labels.index]
    measured: dict[tuple[str, str], Measured] = {}
    for budget in budgets:
        here = _complete(
            {head: _matrix(cells[head, budget], tests, column, truth) for head in heads if (head, budget) in cells},
            draws_are_one=budget == "all" and len(used) == 1,
        )
        if score == MACRO_F1:
            here = {
                head: replace(m, correct=statistics.macro_f1_values(truth, m.predicted))
                for head, m in here.items()
                if m.predicted is not None
            }
        measured |= {(head, budget): matrix for head, matrix in here.items()}
    images = statistics.images_for(score, truth, groups)
    dataset, backbone, codec, selection = place
    n_labeled, pool_share = (dict(zip(budgets, labels[name], strict=True)) for name in ("n_labeled", "pool_share"))
    return Outcomes(
        dataset, backbone, codec, selection, score, images, ids, heads, budgets, measured, n_labeled, pool_share
    )


def _matrix(
    repeats: dict[int, list[_Part]], tests: dict[str, ImageSet], column: dict[str, int], truth: np.ndarray
) -> Measured | None:
    """Repeats x images, of the repeats in which every image was tested."""
    whole: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    complete = []
    for repeat, parts in sorted(repeats.items()):
        dtype = np.result_type(*(part.predicted for part in parts))
        predicted, seen = np.zeros(len(column), dtype=dtype), np.zeros(len(column), dtype=bool)
        fold, confidence = np.zeros(len(column), dtype=np.int64), np.full(len(column), np.nan, dtype=np.float32)
        for part in parts:
            at = [column[image] for image in tests[part.test_sha256].ids]
            predicted[at], seen[at], fold[at] = part.predicted, True, part.fold or 0
            if part.confidence is not None:
                confidence[at] = part.confidence
        if seen.all():
            whole.append((predicted, fold, confidence))
            complete.append(repeat)
    if not whole:
        return None
    predictions, folds, confidences = (np.stack(rows) for rows in zip(*whole, strict=True))
    cross_validated = any(part.fold is not None for parts in repeats.values() for part in parts)
    probable = not np.isnan(confidences).any()
    return Measured(
        _right(predictions, truth),
        folds if cross_validated else None,
        tuple(complete),
        confidences if probable else None,
        None if truth.dtype.kind == "f" else predictions,
    )


def _complete(measured: dict[str, Measured | None], draws_are_one: bool) -> dict[str, Measured]:
    """Heads with the repeats that most have; where all draws are one, a head without chance runs once, for all."""
    there = {head: m for head, m in measured.items() if m is not None}
    most = max((m.repeats for m in there.values()), key=len, default=())
    return {
        head: m if m.repeats == most else _repeated(m, most)
        for head, m in there.items()
        if m.repeats == most or (draws_are_one and m.repeats == (0,))
    }


def _repeated(once: Measured, repeats: tuple[int, ...]) -> Measured:
    correct, confidence, predicted = (
        None if matrix is None else np.repeat(matrix, len(repeats), axis=0)
        for matrix in (once.correct, once.confidence, once.predicted)
    )
    assert correct is not None
    return Measured(correct, once.folds, repeats, confidence, predicted)


def _place(head: str) -> tuple[int, str]:
    """Where a head stands in tables: in the order of `HEADS`, those of other versions last."""
    known = list(HEADS)
    name = parse(head).name
    return known.index(name) if name in known else len(known), head


def family(head: str) -> str:
    """The family that a head's spec belongs to."""
    name = parse(head).name
    return HEADS[name].family if name in HEADS else "other"
