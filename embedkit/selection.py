"""Hyperparameters, chosen inside the labelled images only."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from embedkit.errors import NotApplicable
from embedkit.heads import HEADS, all_params
from embedkit.heads.problem import Problem, plain_route
from embedkit.scores import inner_score
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
    """Choose the parameters that a spec leaves open, by leave-one-out in closed form or by 5 folds.

    With fewer than 5 labels per class (25 for numbers) the default is taken: there, folds mislead. Equal scores go to
    the candidate that is nearest to the default.

    Parameters
    ----------
    groups : ndarray of shape (n,)
        Of the labelled rows; rows of one group stay in one fold.

    Raises
    ------
    NotApplicable
        Where the head is for another task, or for fewer labels.
    """
    spec = applicable(spec, problem)
    candidates = grid_candidates(spec, tuned=selection != "default")
    folds = inner_folds(problem.y, groups, problem.task) if len(candidates) > 1 else None
    if folds is None:
        return Choice(candidates[0].params)
    scores = _scores(spec, problem, groups, folds, [candidate.params for candidate in candidates])
    best = candidates[int(np.argmax(scores))]
    return Choice(best.params, best.open, float(max(scores)), _on_edge(spec, best))


def applicable(spec: Spec, problem: Problem) -> Spec:
    """The spec itself; of `best`, with those heads that suit the problem.

    Raises
    ------
    NotApplicable
        Where the head is for another task, or for fewer labels.
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
    if spec.name == "best":
        (member,) = chosen.params["heads"]
        return _on_edge(Spec(member.name), Candidate({}, dict(member.params)))
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


def _scores(
    spec: Spec, problem: Problem, groups: np.ndarray, folds: np.ndarray, candidates: Sequence[dict[str, Any]]
) -> list[float]:
    """The score of each candidate on labelled rows that its fits did not see."""
    if spec.name == "best":
        return _member_scores([params["heads"][0] for params in candidates], problem, groups, folds)
    head = HEADS[spec.name]
    if head.inner_scores is not None and len(np.unique(groups)) == len(groups):
        return list(head.inner_scores(problem, candidates))
    route = head.route or plain_route(head)
    out_of_fold = np.zeros((len(candidates), len(problem.y)), dtype=problem.y.dtype)
    for fold in np.unique(folds):
        held_out = folds == fold
        predictions = route(problem.part(~held_out), candidates)(problem.rows.at(problem.index[held_out]))
        for values, prediction in zip(out_of_fold, predictions, strict=True):
            values[held_out] = prediction.values
    return [inner_score(problem.y, values, problem.task) for values in out_of_fold]


def _member_scores(members: Sequence[Spec], problem: Problem, groups: np.ndarray, folds: np.ndarray) -> list[float]:
    """Of the candidates of `best`, those of one head scored together."""
    scores: list[float] = []
    for name, same in itertools.groupby(members, key=lambda member: member.name):
        scores += _scores(Spec(name), problem, groups, folds, [all_params(member) for member in same])
    return scores
