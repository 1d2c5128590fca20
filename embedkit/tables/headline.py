"""Headline scores of cells, with intervals over label draws and test images, and the heads that may be the best."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import pandas as pd

from embedkit import statistics
from embedkit.errors import EmbedkitError
from embedkit.outcomes import MACRO_F1, ORACLE, PLACE, Outcomes
from embedkit.scores import HEADLINES, score_name

CELL = (*PLACE, "head", "budget")
"""The trials that one interval is about."""
SCORES = (*(score for scores in HEADLINES.values() for score in scores), MACRO_F1)
"""The scores that have an interval."""


def usual_score(measured: Iterable[Outcomes]) -> str:
    """The score that the summary shows.

    Raises
    ------
    EmbedkitError
        Where data sets differ in it.
    """
    scores = {outcomes.dataset: outcomes.score for outcomes in measured}
    if len(set(scores.values())) > 1:
        told = ", ".join(f"{dataset}: {score_name(score)}" for dataset, score in scores.items())
        raise EmbedkitError(
            f"the data sets have different scores ({told}); give one by --value, or one data set by --where dataset=..."
        )
    return next(iter(scores.values()))


@dataclass(frozen=True)
class Estimate:
    """A score with the bounds of its 95% interval, and whether it may be the best head's."""

    value: float
    low: float
    high: float
    among_best: bool | None


def estimates(measured: Iterable[Outcomes]) -> dict[tuple[str, ...], Estimate]:
    """By the columns of `CELL`, what each head reaches at each budget on each embedding."""
    return {cell: estimate for outcomes in measured for cell, estimate in _estimates(outcomes)}


def _estimates(outcomes: Outcomes) -> Iterator[tuple[tuple[str, ...], Estimate]]:
    images = outcomes.images
    place = tuple(getattr(outcomes, name) for name in PLACE)
    for budget in outcomes.budgets:
        correct, folds = outcomes.at(budget), outcomes.folds(budget)
        best = None if outcomes.selection == ORACLE else statistics.best_set(correct, images, folds)
        for head, matrix in correct.items():
            found = statistics.interval(matrix, images, folds)
            value = -found.estimate if outcomes.score == "mae" else found.estimate
            low, high = value - found.half_width, value + found.half_width
            yield (*place, head, budget), Estimate(value, low, high, None if best is None else head in best)


def with_estimates(
    cells: pd.DataFrame, rows: pd.DataFrame, found: dict[tuple[str, ...], Estimate], mark: bool
) -> pd.DataFrame:
    """Cells with ``low``, ``high`` and ``among_best``, where a cell is all trials of one head at one budget."""
    there: list[Estimate | None] = [None] * len(cells)
    if set(CELL) <= set(cells):
        of_trials = rows.groupby(list(CELL), observed=True).size()
        keys = cells[list(CELL)].itertuples(index=False, name=None)
        whole = [of_trials[key] == trials for key, trials in zip(keys, cells["trials"], strict=True)]
        keys = cells[list(CELL)].itertuples(index=False, name=None)
        there = [found.get(key) if all_of_it else None for key, all_of_it in zip(keys, whole, strict=True)]
    values = [old if new is None else new.value for old, new in zip(cells["estimate"], there, strict=True)]
    return cells.assign(
        estimate=values,
        low=[float("nan") if new is None else new.low for new in there],
        high=[float("nan") if new is None else new.high for new in there],
        among_best=pd.array([new.among_best if new and mark else None for new in there], "boolean"),
    )
