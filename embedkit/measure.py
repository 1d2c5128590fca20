"""A group of trials -> rows: choose, fit, predict, score."""

from __future__ import annotations

import dataclasses
import io
import pickle
import time
import warnings
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from embedkit.errors import EmbedkitError, NotApplicable
from embedkit.heads import HEADS
from embedkit.heads.problem import Predict, Prediction, Problem, Rows, predicted
from embedkit.heads.routes import route_of
from embedkit.oracle import cross_fitted
from embedkit.results import Outcome, Predictions
from embedkit.scores import Task as HeadTask
from embedkit.scores import classification_scores, regression_scores
from embedkit.selection import Choice, applicable, choose, grid_candidates
from embedkit.shared_rows import SharedRows
from embedkit.spec import parse
from embedkit.trials import Task


def evaluate(tasks: Sequence[Task], timed: bool) -> list[Outcome]:
    """Run the trials of a group; what fails becomes a row that says why.

    With `timed`, the process is assumed to be alone on one thread, and costs are recorded.
    """
    shared = SharedRows(tasks)
    return [_evaluate_one(task, shared, timed) for task in tasks]


def _evaluate_one(task: Task, shared: SharedRows, timed: bool) -> Outcome:
    row = {**dataclasses.asdict(task.trial), **task.known, "key": task.trial.key(), "head_seed": task.head_seed}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warnings.filterwarnings("ignore", "The number of unique classes is greater than 50%")  # as asked: few labels
        try:
            measured, predictions = _fit_and_score(task, shared, timed)
            row |= measured | {"status": "ok"}
        except NotApplicable as reason:
            row |= {"status": "not_applicable", "error": str(reason)}
            predictions = None
        except Exception as error:  # any failure of any head is that trial's row; the other trials go on
            told = str(error) if isinstance(error, EmbedkitError) else f"{type(error).__name__}: {error}"
            row |= {"status": "failed", "error": told}
            predictions = None
    first_lines = {str(warning.message).strip().partition("\n")[0] for warning in caught}
    row["warning"] = "; ".join(sorted(first_lines - {""})) or None
    return row, predictions


def _fit_and_score(task: Task, shared: SharedRows, timed: bool) -> tuple[dict[str, Any], Predictions]:
    problem, row_bytes = shared.problem(task)
    row: dict[str, Any] = {"embedding_dim": problem.X.shape[1], "embedding_bytes": row_bytes}
    if task.trial.selection == "oracle":
        choice, test, train = _by_oracle(task, problem, shared)
    else:
        spec = parse(task.trial.head)
        started = time.perf_counter()
        choice = choose(spec, problem, task.train_groups, task.trial.selection)
        chosen = time.perf_counter()
        if timed:
            costs, test, train = _fit_alone(task, problem, choice, shared)
            row |= costs | {"select_s": chosen - started if choice.selected else 0.0}
        else:
            predict = _route(task)(problem, [choice.params])
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


def _route(task: Task) -> Any:
    return route_of(HEADS[parse(task.trial.head).name])


def _on_test(predict: Predict, problem: Problem, shared: SharedRows) -> list[Prediction]:
    """The predictions of each candidate for all test rows."""
    parts = [predict(queries) for queries in shared.test_queries(problem.rows)]
    return [_joined(of_one) for of_one in zip(*parts, strict=True)]


def _joined(parts: Sequence[Prediction]) -> Prediction:
    values = np.concatenate([part.values for part in parts])
    probabilities = [part.probabilities for part in parts if part.probabilities is not None]
    return Prediction(values, np.concatenate(probabilities) if probabilities else None)


def _by_oracle(task: Task, problem: Problem, shared: SharedRows) -> tuple[Choice, Prediction, Prediction]:
    """Every candidate, fitted on the whole draw and judged on test images: what selection cannot reach."""
    spec = applicable(parse(task.trial.head), problem)
    candidates = grid_candidates(spec)
    predict = _route(task)(problem, [candidate.params for candidate in candidates])
    predictions = _on_test(predict, problem, shared)
    test, (first, second) = cross_fitted(predictions, task.y_test, task.test_groups, task.task)
    train = predict(problem.rows.at(problem.index))[first]
    selected = {"first half": candidates[first].open, "second half": candidates[second].open}
    return Choice({}, selected if candidates[first].open else {}), test, train


def _fit_alone(
    task: Task, problem: Problem, choice: Choice, shared: SharedRows
) -> tuple[dict[str, Any], Prediction, Prediction]:
    """Fit and predict by the plain estimator, with no work shared, to measure what that costs."""
    head = HEADS[parse(task.trial.head).name]
    _warm_up(task.trial.head, problem.task, problem.X.shape[1])
    started = time.perf_counter()
    estimator = head.build(task.head_seed, problem.task, **choice.params).fit(problem.X, problem.y)
    fitted = time.perf_counter()
    test = _joined([predicted(estimator, queries.X, problem) for queries in shared.test_queries(problem.rows)])
    done = time.perf_counter()
    costs = {
        "head_bytes": _head_bytes(estimator),
        "fit_s": fitted - started,
        "predict_s": done - fitted,
        "timing": "exclusive",
    }
    return costs, test, predicted(estimator, problem.X, problem)


def _kept(task: Task, test: Prediction) -> Predictions:
    if test.probabilities is None:
        return Predictions(test.values, None, None)
    index = np.arange(len(test.values))
    return Predictions(test.values, test.probabilities[index, test.values], test.probabilities[index, task.y_test])


@lru_cache(maxsize=256)
def _warm_up(head: str, task: HeadTask, dim: int) -> None:
    """The first fit of a kind pays for imports: leave that outside the clock."""
    X = np.random.default_rng(0).normal(size=(20, dim)).astype(np.float32)
    y = np.arange(20) % 2
    problem = Problem(Rows(X), np.arange(20), y if task == "classification" else y.astype(float), task, 2, 0)
    spec = applicable(parse(head), problem)
    member = HEADS[spec.name]
    predicted(member.build(0, task, **grid_candidates(spec)[0].params).fit(X, problem.y), X, problem)


def _head_bytes(estimator: Any) -> int | None:
    """Size of the fitted head when written down, None where it cannot be; nothing is ever read back this way."""
    buffer = io.BytesIO()
    try:
        pickle.dump(estimator, buffer, protocol=5)
    except (pickle.PicklingError, TypeError, AttributeError):
        return None
    return buffer.tell()
