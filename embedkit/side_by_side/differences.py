"""By how much two sets of results differ, cell by cell."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from embedkit import statistics
from embedkit.outcomes import PLACE, Outcomes, read_outcomes
from embedkit.results import iterate_predictions
from embedkit.side_by_side.pairs import CELL, Side, matched, pairs, read_side
from embedkit.side_by_side.references import REFERENCE, reference_folder
from embedkit.statistics import Spread

ALPHA = 0.05
Cell = tuple[str, ...]
Found = tuple[Cell, str, Spread, float]
"""A cell, its score, the difference, and by what a margin in points is multiplied to be in its unit."""


def compare_results(
    a: str | Path, b: str | Path = REFERENCE, *, unpaired: bool = False, margin: float = 1.0
) -> pd.DataFrame:
    """Compare two sets of results, of two versions or machines, or with the reference: what ``embedkit compare`` shows.

    Parameters
    ----------
    a, b : str or Path
        Results folders; ``"reference"`` for `b` is the one that comes with embedkit under the name of `a`.
    unpaired : bool
        Compare means where test images or label draws differ.
    margin : float
        Up to how many percentage points a difference does not matter; of numeric targets, up to how many percent of
        the mean absolute error of always saying their median.

    Returns
    -------
    DataFrame
        A row per data set, backbone, codec, selection, head and budget that both hold: ``score``, ``trials``,
        ``difference`` (a - b; positive where `a` is better, also of errors) with ``low`` and ``high`` (95% over label
        draws and test images), ``p_value``, ``p_holm`` (all rows are one family), ``equal_predictions`` (a share;
        missing if unpaired), ``fit_ratio`` (fit time of `a` over that of `b`) and ``verdict``: "same" where every
        prediction is equal, "level" where the interval lies within the margin, "better" or "worse" where ``p_holm`` is
        at most 0.05, else "undecided".

    Raises
    ------
    EmbedkitError
        Where results are missing, have nothing in common, or, unless `unpaired`, are on other images or draws.
    """
    return compare_sides(*read_sides(Path(a), b), unpaired=unpaired, margin=margin)


def read_sides(a: Path, b: str | Path) -> tuple[Side, Side]:
    """The finished trials of both."""
    return read_side(a), read_side(reference_folder(a) if str(b) == REFERENCE else Path(b))


def compare_sides(a: Side, b: Side, *, unpaired: bool, margin: float) -> pd.DataFrame:
    """What `compare_results` returns."""
    both = matched(a, b, CELL) if unpaired else pairs(a, b)
    found = list(_unpaired(a, b, both) if unpaired else _paired(a, b, both))
    trials = both.groupby(list(CELL))["key_a"].nunique()
    equal = {} if unpaired else dict(_equal_predictions(a, b, both))
    fits = [side.rows.groupby(list(CELL), observed=True)["fit_s"].median() for side in (a, b)]
    p_holm = statistics.holm(np.array([spread.p_value for _, _, spread, _ in found]))
    lines = []
    for (cell, score, spread, unit), p in zip(found, p_holm, strict=True):
        difference = spread.interval()
        line = dict(zip(CELL, cell, strict=True)) | {
            "score": score,
            "trials": trials[cell],
            "difference": difference.estimate,
            "low": difference.estimate - difference.half_width,
            "high": difference.estimate + difference.half_width,
            "p_value": spread.p_value,
            "p_holm": p,
            "equal_predictions": equal.get(cell, np.nan),
            "fit_ratio": fits[0][cell] / fits[1][cell],
        }
        said = statistics.verdict(difference, unit * margin)
        if said in ("better", "worse") and p > ALPHA:
            said = "undecided"
        lines.append(line | {"verdict": "same" if line["equal_predictions"] == 1 else said})
    return pd.DataFrame(lines)


def _paired(a: Side, b: Side, both: pd.DataFrame) -> Iterator[Found]:
    """Heads with the same repeats are read together: those of a table are cut down to repeats that all have."""
    repeats = both.groupby(list(CELL))["repeat"].transform(lambda numbers: str(sorted(set(numbers))))
    for _, part in both.groupby(repeats):
        measured = [read_outcomes(side.folder, side.only(part[key])) for side, key in ((a, "key_a"), (b, "key_b"))]
        for cell, mine, theirs in _cells_in_both(*measured):
            head, budget = cell[-2:]
            difference = mine.at(budget)[head] - theirs.at(budget)[head]
            yield cell, mine.score, statistics.spread(difference, mine.images, mine.folds(budget)), _unit(mine)


def _unpaired(a: Side, b: Side, both: pd.DataFrame) -> Iterator[Found]:
    measured = read_outcomes(a.folder, a.only(both["key_a"]))
    score = measured[0].score if len({outcomes.score for outcomes in measured}) == 1 else "auto"
    others = read_outcomes(b.folder, b.only(both["key_b"]), score)
    for cell, mine, theirs in _cells_in_both(measured, others):
        head, budget = cell[-2:]
        first, second = (
            statistics.spread(outcomes.at(budget)[head], outcomes.images, outcomes.folds(budget))
            for outcomes in (mine, theirs)
        )
        difference = Spread(
            first.estimate - second.estimate,
            first.of_draws + second.of_draws,
            first.of_images + second.of_images,
            min(first.df, second.df),
        )
        yield cell, mine.score, difference, _unit(mine)


def _cells_in_both(mine: list[Outcomes], theirs: list[Outcomes]) -> Iterator[tuple[Cell, Outcomes, Outcomes]]:
    by_place = {_place(outcomes): outcomes for outcomes in theirs}
    for first in mine:
        if second := by_place.get(_place(first)):
            for budget in first.budgets:
                for head in first.at(budget):
                    if (head, budget) in second.measured:
                        yield (*_place(first), head, budget), first, second


def _place(outcomes: Outcomes) -> Cell:
    return tuple(getattr(outcomes, name) for name in PLACE)


def _unit(outcomes: Outcomes) -> float:
    """One point in the unit of the score."""
    truth = outcomes.images.truth
    return 0.01 * float(np.mean(np.abs(truth - np.median(truth)))) if outcomes.score == "mae" else 0.01


def _equal_predictions(a: Side, b: Side, both: pd.DataFrame) -> Iterator[tuple[Cell, float]]:
    """By cell, the share of predictions that are the same: classes, or numbers to five digits."""
    for (dataset, backbone), part in both.groupby(["dataset", "backbone"]):
        where = {"dataset": dataset, "backbone": backbone}
        mine, theirs = (
            {row["key"]: predictions.predicted for row, _, predictions in iterate_predictions(side.folder, where)}
            for side in (a, b)
        )
        for cell, trials in part.groupby(list(CELL)):
            keys = zip(trials["key_a"], trials["key_b"], strict=True)
            equal = np.concatenate([np.isclose(mine[first], theirs[second], rtol=1e-5) for first, second in keys])
            yield cell, float(equal.mean())
