"""Faster ways to the predictions of heads: many candidates, folds and budgets from work that is done once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from embedkit.heads.head import Head
from embedkit.heads.problem import Predict, Problem, Route, predicted


def route_of(head: Head) -> Route:
    """The fastest there is."""
    if head.staged:
        from embedkit.heads.routes.staged import staged_route

        return staged_route(head)
    return head.route or plain_route(head)


def plain_route(head: Head) -> Route:
    """Fits a scikit-learn estimator for each candidate."""

    def fit_all(problem: Problem, candidates: Sequence[dict[str, Any]]) -> Predict:
        estimators = [
            head.build(problem.seed, problem.task, **params).fit(problem.X, problem.y) for params in candidates
        ]
        return lambda queries: [predicted(estimator, queries.X, problem) for estimator in estimators]

    return fit_all
