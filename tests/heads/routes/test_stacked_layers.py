from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from embedkit.heads import HEADS, all_params
from embedkit.heads.problem import Prediction, Problem, Rows
from embedkit.heads.routes import Fit, plain_route, stacked_layers
from embedkit.spec import parse

QUERIES = np.random.default_rng(9).normal(size=(30, 6)).astype(np.float32)


def a_problem(n: int, seed: int, device: str, task: Any = "classification") -> Problem:
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 3
    X = (np.eye(3, 6)[y] * 2 + rng.normal(size=(n, 6))).astype(np.float32)
    return Problem(Rows(X, device), np.arange(n), y if task == "classification" else X @ np.arange(6.0), task, 3, seed)


def fitted(head: str, problems: list[Problem]) -> list[Prediction]:
    spec = parse(head)
    fits = [Fit(spec.name, problem, [all_params(spec)]) for problem in problems]
    together = stacked_layers.fit_all(fits)
    return [predict(problem.rows.queries(QUERIES))[0] for problem, predict in zip(problems, together, strict=True)]


def by_itself(head: str, problem: Problem) -> Prediction:
    spec = parse(head)
    return plain_route(HEADS[spec.name])(problem, [all_params(spec)])(problem.rows.queries(QUERIES))[0]


@pytest.mark.parametrize("head", ["linear", "linear(weight_decay=0.1, steps=40)", "mlp(hidden=[8, 5], dropout=0)"])
def test_networks_in_a_stack_learn_what_each_learns_by_itself(head: str, gpu: str) -> None:
    problems = [a_problem(n, seed, gpu) for seed, n in enumerate((30, 30, 24, 30))]
    for problem, found in zip(problems, fitted(head, problems), strict=True):
        np.testing.assert_allclose(found.probabilities, by_itself(head, problem).probabilities, atol=1e-4)


def test_numbers_are_learnt_as_by_themselves(gpu: str) -> None:
    problems = [a_problem(30, seed, gpu, "regression") for seed in range(2)]
    for problem, found in zip(problems, fitted("mlp(dropout=0)", problems), strict=True):
        np.testing.assert_allclose(found.values, by_itself("mlp(dropout=0)", problem).values, atol=1e-3)


def test_with_dropout_they_are_as_good(gpu: str) -> None:
    problems = [a_problem(60, seed, gpu) for seed in range(5)]
    truth = a_problem(30, 9, gpu)
    spec = parse("mlp")
    together = stacked_layers.fit_all([Fit("mlp", problem, [all_params(spec)]) for problem in problems])
    right = [np.mean(predict(truth.rows.queries(truth.X))[0].values == truth.y) for predict in together]
    assert np.mean(right) > 0.75  # 0.81 by themselves


def test_small_stacks_give_the_same(monkeypatch: pytest.MonkeyPatch, gpu: str) -> None:
    problems = [a_problem(30, seed, gpu) for seed in range(3)]
    whole = fitted("linear", problems)
    monkeypatch.setattr(stacked_layers, "STACK_NUMBERS", 1)
    for found, single in zip(whole, fitted("linear", problems), strict=True):
        np.testing.assert_allclose(found.probabilities, single.probabilities, atol=1e-4)
