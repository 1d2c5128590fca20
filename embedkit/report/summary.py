"""What a study found: scores with intervals, the set of the best, where fully connected heads stand, and costs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from embedkit import statistics
from embedkit.outcomes import FULLY_CONNECTED, ORACLE, Outcomes, family, read_outcomes, study_rows
from embedkit.report.answers import Answers, answers_for
from embedkit.report.gains import Gains, what_helps
from embedkit.statistics import Interval


@dataclass(frozen=True)
class Cell:
    """A score with its interval, both in percent (errors: in units of the target), and whether the head cannot be told
    from the best; `behind` is by how much it is behind the best of its column, at the confidence that decides this, and
    `over_pools` the half-width with another pool drawn too.
    """

    interval: Interval
    among_best: bool
    behind: Interval | None = None
    over_pools: float | None = None


@dataclass(frozen=True, eq=False)
class Table:
    """Heads by budgets on one embedding; a cell is absent where trials are missing.

    `standing` holds, by family and budget, how far the champion of the fully connected heads is ahead of that family's,
    in percentage points (errors: by how much smaller its error is). `median_mae` is the mean absolute error of always
    saying the median of the tested targets. `answers` are those about one fully connected head.
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
    answers: Answers | None = None


@dataclass(frozen=True, eq=False)
class Summary:
    """All tables of a study, its rows, what heads got right, the trials that gave no score (status, reason, count, an
    example), and by data set what would help most.
    """

    tables: list[Table]
    rows: pd.DataFrame
    measured: list[Outcomes]
    without_score: pd.DataFrame
    gains: list[Gains] = field(default_factory=list)


def summarise(folder: Path, score: str = "auto", keys: Iterable[str] | None = None) -> Summary:
    """Summarise the trials with these keys; without keys, the latest row of everything that is there."""
    rows = study_rows(folder, keys)
    measured = read_outcomes(folder, rows, score)
    tables = [_table(outcomes) for outcomes in measured]
    of_dataset = [[o for o in measured if o.dataset == name] for name in dict.fromkeys(o.dataset for o in measured)]
    gains = [found for outcomes in of_dataset if (found := what_helps(outcomes))]
    missing = rows[rows["status"] != "ok"]
    without_score = missing.groupby(["status", "error"], observed=True).agg(
        trials=("key", "size"), heads=("head", lambda heads: ", ".join(sorted(set(heads))))
    )
    return Summary(tables, rows, measured, without_score.reset_index(), gains)


def _table(outcomes: Outcomes) -> Table:
    found: dict[tuple[str, str], Cell] = {}
    standing: dict[str, dict[str, Interval]] = {}
    score, images = outcomes.score, outcomes.images
    for budget in outcomes.budgets:
        correct, folds = outcomes.at(budget), outcomes.folds(budget)
        best = statistics.best_set(correct, images, folds) if outcomes.selection != ORACLE else set()
        behind = _behind(correct, images, folds, score)
        for head, matrix in correct.items():
            here, anywhere = (
                _shown(statistics.interval(matrix, images, folds, pool_share=share), score)
                for share in (0.0, outcomes.pool_share[budget])
            )
            found[head, budget] = Cell(here, head in best, behind.get(head), anywhere.half_width)
        if outcomes.selection != ORACLE:
            for name, difference in _standing(outcomes, budget).items():
                standing.setdefault(name, {})[budget] = difference if score == "mae" else _percent(difference)
    truth = images.truth
    median_mae = float(np.mean(np.abs(truth - np.median(truth)))) if score == "mae" else None
    return Table(
        outcomes.dataset,
        outcomes.backbone,
        outcomes.codec,
        outcomes.selection,
        score,
        outcomes.heads,
        outcomes.budgets,
        found,
        standing,
        median_mae,
        answers_for(outcomes),
    )


def _behind(
    correct: dict[str, np.ndarray], images: statistics.Images, folds: np.ndarray | None, score: str
) -> dict[str, Interval]:
    """How far each head is behind the one with the best mean; its interval excludes 0 where that one beats it."""
    means = {head: float(matrix.mean(axis=0) @ images.weights) for head, matrix in correct.items()}
    best = max(means, key=lambda head: means[head])
    confidence = 1 - 2 * (1 - statistics.CONFIDENCE) / max(len(correct) - 1, 1)
    found = {
        head: statistics.interval(correct[best] - matrix, images, folds, confidence)
        for head, matrix in correct.items()
        if head != best
    }
    return found if score == "mae" else {head: _percent(difference) for head, difference in found.items()}


def _standing(outcomes: Outcomes, budget: str) -> dict[str, Interval]:
    """By family, how far the fully connected champion is ahead; 95% holds for all families and budgets together."""
    families: dict[str, list[np.ndarray]] = {}
    for head, matrix in outcomes.at(budget).items():
        families.setdefault(family(head), []).append(matrix)
    ours = families.pop(FULLY_CONNECTED, None)
    if not ours:
        return {}
    confidence = 1 - (1 - statistics.CONFIDENCE) / (len(outcomes.budgets) * max(len(families), 1))
    return {
        name: statistics.champion_difference(
            ours, theirs, outcomes.images, outcomes.ids, outcomes.folds(budget), confidence
        )
        for name, theirs in families.items()
    }


def _shown(interval: Interval, score: str) -> Interval:
    """As tables show it: errors are positive."""
    return Interval(-interval.estimate, interval.half_width) if score == "mae" else _percent(interval)


def _percent(interval: Interval) -> Interval:
    return Interval(100 * interval.estimate, 100 * interval.half_width)
