"""Which backbone and head to take, how sure that is, and what more labels would bring."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from embedkit import statistics
from embedkit.decide.candidates import Candidate, Cost, Tried, matches, missing_at, tried_at
from embedkit.errors import EmbedkitError
from embedkit.outcomes import Measured, Outcomes, read_outcomes, study_rows
from embedkit.sampling import parse_budget
from embedkit.statistics import Interval
from embedkit.statistics.chosen import corrected_for_choice, first_level


@dataclass(frozen=True)
class Rival:
    """Another candidate, and how much better it is (fractions; numbers: by how much its error is smaller)."""

    candidate: Candidate
    difference: Interval
    cost: Cost


@dataclass(frozen=True)
class Gain:
    """What going from one budget to a larger one brings the recommended candidate."""

    of: str
    to: str
    gain: Interval


@dataclass(frozen=True, eq=False)
class Recommendation:
    """What to take on a data set, and why. Scores are fractions, for numbers negative errors: more is better.

    Attributes
    ----------
    candidate : Candidate
    budget : str
        At which all scores were measured.
    seen : Interval
        Its score on the test images.
    corrected : Interval
        The same without what it owes to being chosen on these images.
    level : list of Rival
        Those that cannot be told from the best, the best first.
    n_candidates : int
    resolution : float or None
        The typical smallest difference that these test images and draws can show; None without rivals.
    larger : list of Gain
        To each larger budget that was tried.
    last_step : Gain or None
        From the next smaller budget.
    missing : list of Candidate
        Heads that were tried on another embedding, and on this one without complete results.
    n_left_out : int
        So many more were tried, and left out by what was asked for.
    """

    dataset: str
    score: str
    budget: str
    n_images: int
    n_repeats: int
    cross_validated: bool
    evaluation: str
    candidate: Candidate
    cost: Cost
    seen: Interval
    corrected: Interval
    level: list[Rival]
    n_candidates: int
    resolution: float | None
    larger: list[Gain]
    last_step: Gain | None
    missing: list[Candidate]
    n_left_out: int

    def __str__(self) -> str:
        from embedkit.decide.words import recommendation_text

        return recommendation_text(self)


def recommend(
    path: str | Path,
    *,
    labels: str | int | None = None,
    max_fit_seconds: float | None = None,
    backbone: str | None = None,
    codec: str | None = None,
    head: str | None = None,
) -> list[Recommendation]:
    """What to take, from the results of a study: one recommendation for each of its data sets.

    Of those that cannot be told from the best (`statistics.best_set`) and are within 1 point of it, the cheapest is
    taken: the network with less work per image, then the head that is chosen, fitted and has predicted sooner.

    Parameters
    ----------
    path : str or Path
        A results folder.
    labels : str or int, optional
        A budget as the study wrote it, such as 5 (per class; numeric targets: in all), "200 total" or "all"; default:
        the largest of each data set.
    max_fit_seconds : float, optional
        Leaves out what took longer, at this budget, to choose parameters and fit.
    backbone, codec, head : str, optional
        Leave out all others.

    Raises
    ------
    EmbedkitError
        Where there are no results, or nothing is left at this budget; it says what there is.
    """
    rows = study_rows(Path(path))
    found = read_outcomes(Path(path), rows)
    if not found:
        raise EmbedkitError(f"no finished trials in {str(path)!r}; run a study first: embedkit run DATASET")
    return recommendations(rows, found, labels, max_fit_seconds, backbone, codec, head)


def recommendations(
    rows: pd.DataFrame,
    found: Sequence[Outcomes],
    labels: str | int | None = None,
    max_fit_seconds: float | None = None,
    backbone: str | None = None,
    codec: str | None = None,
    head: str | None = None,
) -> list[Recommendation]:
    """The same from rows and what they got right."""
    by_dataset: dict[str, list[Outcomes]] = {}
    for outcomes in found:
        by_dataset.setdefault(outcomes.dataset, []).append(outcomes)
    recommended = []
    for dataset, here in by_dataset.items():
        mine = rows[(rows["dataset"] == dataset) & (rows["status"] == "ok")]
        budget = _budget(dataset, here, labels)
        tried = tried_at(here, budget, mine)
        asked = [each for each in tried if matches(each.candidate, backbone, codec, head)]
        if not asked:
            written = {"backbone": backbone, "codec": codec, "head": head}
            raise EmbedkitError(_nothing_left(dataset, budget, tried, written))
        quick = _quick_enough(asked, max_fit_seconds, budget)
        missing = [
            each
            for each in missing_at(here, budget, tried, rows[rows["dataset"] == dataset])
            if matches(each, backbone, codec, head)
        ]
        evaluation, n_left_out = str(mine["evaluation"].iloc[0]), len(tried) - len(quick)
        recommended.append(_recommended(quick, budget, evaluation, missing, n_left_out))
    return recommended


def _budget(dataset: str, found: Sequence[Outcomes], labels: str | int | None) -> str:
    there = [
        budget
        for budget in found[0].budgets
        if any(at == budget for outcomes in found for _, at in outcomes.measured if outcomes.selection != "oracle")
    ]
    if not there:
        raise EmbedkitError(f"{dataset}: no head was tested on all test images yet; run the same study again")
    if labels is None:
        return there[-1]
    asked = str(parse_budget(labels))
    if asked not in there:
        raise EmbedkitError(f"{dataset}: nothing was run at the budget {asked!r}; budgets: {', '.join(there)}")
    return asked


def _nothing_left(dataset: str, budget: str, tried: Sequence[Tried], written: dict[str, str | None]) -> str:
    asked = " and ".join(f"the {kind} {name}" for kind, name in written.items() if name is not None)
    if not tried or not asked:
        return f"{dataset}: nothing was measured on all test images at the budget {budget}"
    there = {kind: dict.fromkeys(getattr(each.candidate, kind) for each in tried) for kind in written}
    told = "; ".join(f"{kind}s: {', '.join(names)}" for kind, names in there.items())
    return f"{dataset}: no results with {asked} at the budget {budget}; there are {told}"


def _quick_enough(tried: list[Tried], max_fit_seconds: float | None, budget: str) -> list[Tried]:
    if max_fit_seconds is None:
        return tried
    times = [each.cost.fit_s for each in tried if each.cost.fit_s is not None]
    quick = [each for each in tried if each.cost.fit_s is not None and each.cost.fit_s <= max_fit_seconds]
    if not quick:
        least = f"the quickest took {min(times):.3g} s" if times else "no times were measured"
        raise EmbedkitError(f"no head was fitted within {max_fit_seconds:g} s at the budget {budget}; {least}")
    return quick


def _recommended(
    tried: list[Tried], budget: str, evaluation: str, missing: list[Candidate], n_left_out: int
) -> Recommendation:
    outcomes = tried[0].outcomes
    images, folds = outcomes.images, outcomes.folds(budget)
    best = statistics.best_set({str(each.candidate): each.correct for each in tried}, images, folds)
    level = [each for each in tried if str(each.candidate) in best]
    means = np.array([(each.correct * images.weights).mean() for each in level])
    margin = statistics.MARGIN * (1.0 if outcomes.score != "mae" else abs(float(means.max())))
    chosen = level[int(first_level(means, margin))]
    seen = statistics.interval(chosen.correct, images, folds)
    corrected = corrected_for_choice([each.correct for each in level], images, margin) if len(level) > 1 else None
    rivals = [
        Rival(each.candidate, statistics.interval(each.correct - chosen.correct, images, folds), each.cost)
        for each in level
        if each is not chosen
    ]
    larger, last_step = _gains(chosen, budget)
    return Recommendation(
        dataset=outcomes.dataset,
        score=outcomes.score,
        budget=budget,
        n_images=len(outcomes.ids),
        n_repeats=len(chosen.correct),
        cross_validated=folds is not None,
        evaluation=evaluation,
        candidate=chosen.candidate,
        cost=chosen.cost,
        seen=seen,
        corrected=seen if corrected is None else Interval(min(corrected, seen.estimate), seen.half_width),
        level=sorted(rivals, key=lambda rival: -rival.difference.estimate),
        n_candidates=len(tried),
        resolution=_resolution(chosen, tried, images, folds),
        larger=larger,
        last_step=last_step,
        missing=missing,
        n_left_out=n_left_out,
    )


def _resolution(
    chosen: Tried, tried: Sequence[Tried], images: statistics.Images, folds: np.ndarray | None
) -> float | None:
    """The median half-width of the differences to other heads on the same embedding (without any, to all others), at
    the confidence by which heads leave the set of the best.
    """
    others = [each for each in tried if each is not chosen]
    here = [each for each in others if each.outcomes is chosen.outcomes] or others
    if not here:
        return None
    confidence = 1 - 2 * (1 - statistics.CONFIDENCE) / len(others)
    differences = [statistics.interval(each.correct - chosen.correct, images, folds, confidence) for each in here]
    return float(np.median([difference.half_width for difference in differences]))


def _gains(chosen: Tried, budget: str) -> tuple[list[Gain], Gain | None]:
    outcomes, head = chosen.outcomes, chosen.candidate.head
    tried = [at for at in outcomes.budgets if (head, at) in outcomes.measured]
    place = tried.index(budget)

    def gain(of: str, to: str) -> Gain | None:
        before, after = outcomes.measured[head, of], outcomes.measured[head, to]
        if not _paired(before, after):
            return None
        difference = after.correct.astype(float) - before.correct
        return Gain(of, to, statistics.interval(difference, outcomes.images, before.folds))

    larger = [made for to in tried[place + 1 :] if (made := gain(budget, to))]
    return larger, gain(tried[place - 1], budget) if place else None


def _paired(first: Measured, second: Measured) -> bool:
    return first.repeats == second.repeats or 1 in (len(first.repeats), len(second.repeats))
