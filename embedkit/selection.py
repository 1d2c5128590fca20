"""Hyperparameters, chosen inside the labelled images only."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from embedkit.errors import NotApplicable
from embedkit.heads import HEADS, all_params
from embedkit.heads.head import Head
from embedkit.heads.problem import Inner, Prediction, Problem
from embedkit.heads.routes import Fit, Fitting, alone
from embedkit.scores import LOG_LOSS_CLIP, inner_score
from embedkit.spec import Spec

Selection = Literal["cv", "default", "oracle"]

FOLDS = 5
LABELS_PER_CLASS_MIN = 5
LABELS_MIN = 25
"""Fewer numbers than this are too few to choose by."""


@dataclass(frozen=True)
class Candidate:
    """Parameters that a head may be fitted with: all of them, and those that are up for choice."""

    params: dict[str, Any]
    open: dict[str, Any]


@dataclass(frozen=True)
class Choice:
    """What a head is fitted with.

    Attributes
    ----------
    params : dict
        All parameters, defaults included.
    selected : dict
        Those that were chosen; empty where all were written, or there are too few labels to choose.
    score : float or None
        Of the choice, on labelled rows that its fits did not see: balanced accuracy, or R2 for numbers.
    on_edge : bool or None
        Whether a number was chosen from the end of its grid: better ones may lie beyond.
    """

    params: dict[str, Any]
    selected: dict[str, Any] = field(default_factory=dict)
    score: float | None = None
    on_edge: bool | None = None


def choose(spec: Spec, problem: Problem, groups: np.ndarray, selection: Selection = "cv") -> Choice:
    """As `choosing` says."""
    return alone(choosing(spec, problem, groups, selection))


def choosing(spec: Spec, problem: Problem, groups: np.ndarray, selection: Selection = "cv") -> Fitting[Choice]:
    """Choose the parameters that a spec leaves open, by leave-one-out in closed form or by 5 folds.

    With fewer than 5 labels per class (25 for numbers) the default is taken: there, folds mislead. Otherwise the
    default gives way only to a candidate that is clearly better; of equal ones the nearest to the default is taken.

    Parameters
    ----------
    groups : ndarray of shape (n,)
        Of the labelled rows; rows of one group stay in one fold.

    Raises
    ------
    NotApplicable
        Where the head is for another task, or for fewer labels or classes.
    """
    spec = applicable(spec, problem)
    candidates = grid_candidates(spec, tuned=selection != "default")
    folds = inner_folds(problem.y, groups, problem.task) if len(candidates) > 1 else None
    if folds is None:
        return Choice(candidates[0].params)
    if spec.name == "best":
        return (yield from _champion(spec, problem, groups, folds, selection))
    inner = yield from _inner(spec, problem, groups, folds, [candidate.params for candidate in candidates])
    place = _clearly_best(inner.losses, _class_weights(problem))
    score = inner_score(problem.y, inner.predicted[place], problem.task)
    chosen = candidates[place]
    return Choice(chosen.params, chosen.open, score, _on_edge(spec, chosen))


def _clearly_best(losses: np.ndarray, weights: np.ndarray) -> int:
    """The candidate of lowest loss, if it is better than the default, the first, by more than chance might have it.

    Its paired gains over the default must sum to more than one standard deviation of such a sum: for hits and misses
    the signed root of McNemar's statistic is then above 1. On images carved from CIFAR-10's training set this loses
    half as much as the plain minimum where the default is best, and keeps nine tenths of the gain where it is not.
    """
    weighted = losses * weights
    best = int(np.argmin(weighted.mean(axis=1)))
    gains = weighted[0] - weighted[best]
    return best if gains.sum() > np.sqrt(np.sum(gains**2)) else 0


def _class_weights(problem: Problem) -> np.ndarray:
    """Weights of the labelled rows, (n,), by which every class counts alike."""
    if problem.task == "regression":
        return np.ones(len(problem.y))
    _, codes = np.unique(problem.y, return_inverse=True)
    return 1 / np.bincount(codes)[codes]


def _champion(
    spec: Spec, problem: Problem, groups: np.ndarray, folds: np.ndarray, selection: Selection
) -> Fitting[Choice]:
    """First the parameters of every head, then the head, all by hits and misses on the same folds.

    The first head takes the part of the default.
    """
    of_best = all_params(spec)
    chosen, out_of_fold = [], []
    for member in of_best["heads"]:
        choice = yield from choosing(member, problem, groups, selection if of_best["tuned"] else "default")
        chosen.append(choice)
        out_of_fold.append((yield from _by_folds(member, problem, folds, [choice.params])).predicted[0])
    predicted = np.stack(out_of_fold)
    of_classes = problem.task == "classification"
    losses = (predicted != problem.y).astype(np.float64) if of_classes else (predicted - problem.y) ** 2
    place = _clearly_best(losses, _class_weights(problem))
    head = of_best["heads"][place].replace(**chosen[place].selected)
    score = inner_score(problem.y, predicted[place], problem.task)
    return Choice({**of_best, "heads": (head,)}, {"head": str(head)}, score, chosen[place].on_edge)


def applicable(spec: Spec, problem: Problem) -> Spec:
    """The spec itself; of `best`, with those heads that suit the problem.

    Raises
    ------
    NotApplicable
        Where the head is for another task, or for fewer labels or classes.
    """
    if spec.name == "best":
        members = all_params(spec)["heads"]
        reasons = {member: _misfit(member, problem) for member in members}
        fitting = tuple(member for member in members if not reasons[member])
        if not fitting:
            raise NotApplicable(f"none of the heads of {spec} fits: {reasons[members[0]]}")
        return spec.replace(heads=fitting)
    if reason := _misfit(spec, problem):
        raise NotApplicable(reason)
    return spec


def _misfit(spec: Spec, problem: Problem) -> str:
    head = HEADS[spec.name]
    if problem.task not in head.tasks:
        return f"{spec.name} tells classes apart; these targets are numbers"
    if head.n_labeled_max is not None and len(problem.y) > head.n_labeled_max:
        return f"{spec.name} takes up to {head.n_labeled_max} labels; the draw has {len(problem.y)}"
    n_classes = len(np.unique(problem.y)) if problem.task == "classification" else 0
    if head.n_classes_max is not None and n_classes > head.n_classes_max:
        return f"{spec.name} takes up to {head.n_classes_max} classes; the draw has {n_classes}"
    return ""


def grid_candidates(spec: Spec, tuned: bool = True) -> list[Candidate]:
    """Every candidate, the default first, then by distance from it in the grid; of `best`, those of each member."""
    complete = all_params(spec)
    if spec.name == "best":
        return [
            Candidate({"heads": (chosen,)}, {"head": str(chosen)})
            for member in complete["heads"]
            for candidate in grid_candidates(member, tuned and complete["tuned"])
            for chosen in [member.replace(**candidate.open)]
        ]
    grid = HEADS[spec.name].grid if tuned else {}
    names = [name for name in grid if name not in dict(spec.params)]
    default_at = [grid[name].index(complete[name]) for name in names]
    places = itertools.product(*(range(len(grid[name])) for name in names))
    ordered = sorted(places, key=lambda place: sum(abs(a - b) for a, b in zip(place, default_at, strict=True)))
    chosen = [{name: grid[name][at] for name, at in zip(names, place, strict=True)} for place in ordered]
    return [Candidate(complete | values, values) for values in chosen]


def _on_edge(spec: Spec, chosen: Candidate) -> bool | None:
    grid = HEADS[spec.name].grid
    ends = [
        value in (grid[name][0], grid[name][-1])
        for name, value in chosen.open.items()
        if name in grid and not any(isinstance(other, str) for other in grid[name])
    ]
    return any(ends) if ends else None


def inner_folds(y: np.ndarray, groups: np.ndarray, task: str) -> np.ndarray | None:
    """The fold of each labelled row, (n,): its rank within its class modulo 5, groups whole; None for too few labels.

    Rows come in the order of their draw, so that the folds follow from it and need no chance of their own.
    """
    strata = y if task == "classification" else np.zeros(len(y), dtype=np.int64)
    n_strata = len(np.unique(strata))
    if len(y) < (LABELS_PER_CLASS_MIN * n_strata if task == "classification" else LABELS_MIN):
        return None
    fold_of: dict[Any, int] = {}
    counted: dict[Any, int] = {}
    for group, stratum in zip(groups.tolist(), strata.tolist(), strict=True):
        if group not in fold_of:
            fold_of[group] = counted.get(stratum, 0) % FOLDS
            counted[stratum] = counted.get(stratum, 0) + 1
    folds = np.array([fold_of[group] for group in groups.tolist()])
    classes_min = 2 if task == "classification" else 1
    left = [len(np.unique(strata[folds != fold])) for fold in np.unique(folds)]
    return folds if min(left) >= classes_min else None


def _inner(
    spec: Spec, problem: Problem, groups: np.ndarray, folds: np.ndarray, candidates: Sequence[dict[str, Any]]
) -> Fitting[Inner]:
    head = HEADS[spec.name]
    if head.leave_one_out is not None and len(np.unique(groups)) == len(groups):
        inner: Inner = head.leave_one_out(problem, candidates)
        return inner
    return (yield from _by_folds(spec, problem, folds, candidates))


def _by_folds(spec: Spec, problem: Problem, folds: np.ndarray, candidates: Sequence[dict[str, Any]]) -> Fitting[Inner]:
    """Every row as a fit on the other folds predicts it; a loss is a miss, a log-loss or a squared error."""
    head = HEADS[spec.name]
    if head.turnable:
        problem = problem.in_span()
    values = np.zeros((len(candidates), len(problem.y)), dtype=problem.y.dtype)
    losses = np.zeros(values.shape)
    fits = [(folds == fold, Fit(spec.name, problem.part(folds != fold), candidates)) for fold in np.unique(folds)]
    for some in [fits] if fits[0][1].batched else [[each] for each in fits]:  # one by one they need less memory
        predicts = yield [fit for _, fit in some]
        for (held_out, _), predict in zip(some, predicts, strict=True):
            predictions = predict(problem.rows.at(problem.index[held_out]))
            values[:, held_out] = [prediction.values for prediction in predictions]
            losses[:, held_out] = [_losses(head, problem, held_out, prediction) for prediction in predictions]
    return Inner(values, losses)


def _losses(head: Head, problem: Problem, rows: np.ndarray, prediction: Prediction) -> np.ndarray:
    truth = problem.y[rows]
    if problem.task == "regression":
        return (prediction.values - truth) ** 2
    if head.loss == "misses" or prediction.probabilities is None:
        return (prediction.values != truth).astype(np.float64)
    of_truth = prediction.probabilities[np.arange(len(truth)), truth]
    return -np.log(np.maximum(of_truth, LOG_LOSS_CLIP))
