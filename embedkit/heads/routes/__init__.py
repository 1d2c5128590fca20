"""Faster ways to the predictions of heads: many candidates, folds and budgets from work that is done once."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from embedkit.heads import HEADS
from embedkit.heads.head import Head
from embedkit.heads.problem import Predict, Problem, Route, predicted, training_rows, unfitted

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Fit:
    """A head to be fitted to a problem with each of some candidates, given as its complete parameters."""

    name: str
    problem: Problem
    candidates: Sequence[dict[str, Any]]

    @property
    def batched(self) -> bool:
        """Whether it is made together with others: on a GPU, by heads that can."""
        return self.problem.rows.device != "cpu" and HEADS[self.name].batched is not None


Fitting = Generator[list[Fit], list[Predict], T]
"""A computation that asks for fits and is sent their predictions, so that several may have theirs made together."""


def alone(fitting: Fitting[T]) -> T:
    """The result of one such computation by itself."""
    try:
        fits = next(fitting)
        while True:
            fits = fitting.send(fit_all(fits))
    except StopIteration as done:
        return done.value


def fit_all(fits: Sequence[Fit]) -> list[Predict]:
    """Each by the fastest way there is; the batched ones of a head as one program."""
    made: dict[int, Predict] = {}
    for name in dict.fromkeys(fit.name for fit in fits if fit.batched):
        places = [place for place, fit in enumerate(fits) if fit.batched and fit.name == name]
        together = HEADS[name].batched([fits[place] for place in places])  # type: ignore[misc]
        made.update(zip(places, together, strict=True))
    return [
        made[place] if place in made else route_of(HEADS[fit.name])(fit.problem, fit.candidates)
        for place, fit in enumerate(fits)
    ]


def route_of(head: Head) -> Route:
    """The fastest for one problem."""
    if head.staged:
        from embedkit.heads.routes.staged import staged_route

        return staged_route(head)
    return head.route or plain_route(head)


def plain_route(head: Head) -> Route:
    """Fits a scikit-learn estimator for each candidate."""

    def fit_each(problem: Problem, candidates: Sequence[dict[str, Any]]) -> Predict:
        estimators = [
            unfitted(head, problem, params).fit(*training_rows(head, problem, params)) for params in candidates
        ]
        return lambda queries: [predicted(estimator, queries.X, problem) for estimator in estimators]

    return fit_each
