"""A group of trials -> rows: choose, fit, predict, score."""

from __future__ import annotations

import dataclasses
import io
import pickle
import time
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from embedkit.errors import EmbedkitError, NotApplicable
from embedkit.heads import HEADS
from embedkit.heads.head import Head
from embedkit.heads.problem import Predict, Prediction, Problem, Rows, predicted, training_rows, unfitted
from embedkit.heads.routes import Fit, Fitting
from embedkit.heads.routes.side_by_side import Ended, side_by_side
from embedkit.oracle import cross_fitted
from embedkit.results import Outcome, Predictions
from embedkit.scores import Task as HeadTask
from embedkit.scores import classification_scores, regression_scores
from embedkit.selection import Choice, applicable, choosing, grid_candidates
from embedkit.shared_images import SharedImages
from embedkit.shared_rows import SharedRows
from embedkit.spec import parse
from embedkit.trials import Task

Shared = SharedRows | SharedImages


def evaluate(tasks: Sequence[Task], timed: bool) -> list[Outcome]:
    """Run the trials of a group; what fails becomes a row that says why.

    With `timed`, the process is assumed to be alone on one thread, and costs are recorded.
    """
    shared = SharedRows(tasks) if tasks[0].images is None else SharedImages(tasks)
    in_step = [tasks] if shared.device != "cpu" and not timed else [[task] for task in tasks]
    return [
        _outcome(task, ended)
        for some in in_step
        for task, ended in zip(some, side_by_side([_fit_and_score(task, shared, timed) for task in some]), strict=True)
    ]


def _outcome(task: Task, ended: Ended[tuple[dict[str, Any], Predictions]]) -> Outcome:
    row = {**dataclasses.asdict(task.trial), **task.known, "key": task.trial.key(), "head_seed": task.head_seed}
    row["warning"] = "; ".join(sorted(ended.warnings)) or None
    if ended.result is not None:
        measured, predictions = ended.result
        return row | measured | {"status": "ok"}, predictions
    error = ended.error
    if isinstance(error, NotApplicable):
        return row | {"status": "not_applicable", "error": str(error)}, None
    told = str(error) if isinstance(error, EmbedkitError) else f"{type(error).__name__}: {error}"
    return row | {"status": "failed", "error": told}, None


def _fit_and_score(task: Task, shared: Shared, timed: bool) -> Fitting[tuple[dict[str, Any], Predictions]]:
    problem, row = shared.problem(task)
    if task.trial.selection == "oracle":
        choice, test, train = yield from _by_oracle(task, problem, shared)
    else:
        spec = parse(task.trial.head)
        started = time.perf_counter()
        choice = yield from choosing(spec, problem, task.train_groups, task.trial.selection)
        chosen = time.perf_counter()
        if timed:
            costs, test, train = _fit_alone(task, problem, choice, shared)
            row |= costs | {"select_s": chosen - started if choice.selected else 0.0}
        else:
            (predict,) = yield [Fit(spec.name, problem, [choice.params])]
            test, train = _on_test(predict, problem, shared)[0], predict(problem.rows.at(problem.index))[0]
    row |= {
        "scores": _scores(task, test, train),
        "selected": choice.selected or None,
        "cv_score": choice.score,
        "grid_edge": choice.on_edge,
    }
    return row, _kept(task, test)


def _scores(task: Task, test: Prediction, train: Prediction) -> dict[str, float | None]:
    if task.task == "classification":
        scores = classification_scores(task.y_test, test.values, test.probabilities, task.n_classes)
        return scores | {"train_accuracy": float(np.mean(train.values == task.y_train))}
    if not np.isfinite(test.values).all():
        raise ValueError("the head predicts numbers that are not finite")
    on_train = regression_scores(task.y_train, train.values)["mae"]
    return regression_scores(task.y_test, test.values) | {"train_mae": on_train}


def _on_test(predict: Predict, problem: Problem, shared: Shared) -> list[Prediction]:
    """The predictions of each candidate for all test rows."""
    parts = [predict(queries) for queries in shared.test_queries(problem.rows)]
    return [_joined(of_one) for of_one in zip(*parts, strict=True)]


def _joined(parts: Sequence[Prediction]) -> Prediction:
    values = np.concatenate([part.values for part in parts])
    probabilities = [part.probabilities for part in parts if part.probabilities is not None]
    return Prediction(values, np.concatenate(probabilities) if probabilities else None)


def _by_oracle(task: Task, problem: Problem, shared: Shared) -> Fitting[tuple[Choice, Prediction, Prediction]]:
    """Every candidate, fitted on the whole draw and judged on test images: what selection cannot reach."""
    spec = applicable(parse(task.trial.head), problem)
    candidates = grid_candidates(spec)
    (predict,) = yield [Fit(spec.name, problem, [candidate.params for candidate in candidates])]
    predictions = _on_test(predict, problem, shared)
    test, (first, second) = cross_fitted(predictions, task.y_test, task.test_groups, task.task)
    train = predict(problem.rows.at(problem.index))[first]
    selected = {"first half": candidates[first].open, "second half": candidates[second].open}
    return Choice({}, selected if candidates[first].open else {}), test, train


def _fit_alone(
    task: Task, problem: Problem, choice: Choice, shared: Shared
) -> tuple[dict[str, Any], Prediction, Prediction]:
    """Fit and predict by the plain estimator, with no work shared, to measure what that costs."""
    head = HEADS[parse(task.trial.head).name]
    if head.trains_network:
        _warm_up_network(head, problem, choice.params)
    else:
        _warm_up(task.trial.head, problem.task, problem.X.shape[1], task.device)
    X, y = training_rows(head, problem, choice.params)
    started = time.perf_counter()
    estimator = unfitted(head, problem, choice.params).fit(X, y)
    fit_s, predict_s, parts = time.perf_counter() - started, 0.0, []
    for queries in shared.test_queries(problem.rows):
        started = time.perf_counter()
        parts.append(predicted(estimator, queries.X, problem))
        predict_s += time.perf_counter() - started
    costs = {
        "head_bytes": estimator.n_bytes_ if head.trains_network else _head_bytes(estimator),
        "fit_s": fit_s,
        "predict_s": predict_s,
        "timing": "exclusive",
    }
    return costs, _joined(parts), predicted(estimator, problem.X, problem)


def _kept(task: Task, test: Prediction) -> Predictions:
    if test.probabilities is None:
        return Predictions(test.values, None, None)
    index = np.arange(len(test.values))
    return Predictions(test.values, test.probabilities[index, test.values], test.probabilities[index, task.y_test])


@lru_cache(maxsize=256)
def _warm_up(head: str, task: HeadTask, dim: int, device: str) -> None:
    """The first fit of a kind pays for imports: leave that outside the clock."""
    X = np.random.default_rng(0).normal(size=(20, dim)).astype(np.float32)
    y = np.arange(20) % 2
    targets = y if task == "classification" else y.astype(float)
    problem = Problem(Rows(X, device), np.arange(20), targets, task, 2, 0)
    spec = applicable(parse(head), problem)
    predicted(unfitted(HEADS[spec.name], problem, grid_candidates(spec)[0].params).fit(X, problem.y), X, problem)


def _warm_up_network(head: Head, problem: Problem, params: dict[str, Any]) -> None:
    """The same for heads that train the network: one step, on an image of each class."""
    few = np.unique(problem.y, return_index=True)[1][:32]
    some = problem.part(np.isin(np.arange(len(problem.y)), few))
    unfitted(head, some, params | {"steps": 1, "epochs": 1}).fit(some.X, some.y)


def _head_bytes(estimator: Any) -> int | None:
    """Size of the fitted head when written down, None where it cannot be; nothing is ever read back this way."""
    buffer = io.BytesIO()
    try:
        pickle.dump(estimator, buffer, protocol=5)
    except (pickle.PicklingError, TypeError, AttributeError):
        return None
    return buffer.tell()
