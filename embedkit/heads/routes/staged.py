"""Heads whose larger fit holds the smaller ones: more trees, more neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from embedkit.heads.head import Head
from embedkit.heads.problem import Predict, Prediction, Problem, Queries, Route, as_prediction, unfitted


def staged_route(head: Head) -> Route:
    """Fits once for all candidates that differ in the parameter ``head.staged`` alone.

    The estimators have ``staged_predict_proba(X, stages)``, or for numbers ``staged_predict(X, stages)``.
    """
    return lambda problem, candidates: _fit_all(head, problem, candidates)


def _fit_all(head: Head, problem: Problem, candidates: Sequence[dict[str, Any]]) -> Predict:
    stage = head.staged
    largest: dict[tuple[Any, ...], dict[str, Any]] = {}
    for params in candidates:
        of_fit = _others(params, stage)
        if of_fit not in largest or params[stage] > largest[of_fit][stage]:
            largest[of_fit] = params
    fitted = {of_fit: unfitted(head, problem, params).fit(problem.X, problem.y) for of_fit, params in largest.items()}

    def predict(queries: Queries) -> list[Prediction]:
        found: dict[tuple[Any, ...], Prediction] = {}
        for of_fit, estimator in fitted.items():
            stages = sorted({params[stage] for params in candidates if _others(params, stage) == of_fit})
            staged = "staged_predict_proba" if problem.task == "classification" else "staged_predict"
            for at, output in zip(stages, getattr(estimator, staged)(queries.X, stages), strict=True):
                found[*of_fit, at] = as_prediction(output, getattr(estimator, "classes_", None), problem)
        return [found[*_others(params, stage), params[stage]] for params in candidates]

    return predict


def _others(params: dict[str, Any], stage: str) -> tuple[Any, ...]:
    return tuple(value for name, value in sorted(params.items()) if name != stage)
