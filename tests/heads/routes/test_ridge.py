from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from embedkit.heads import HEADS
from embedkit.heads.problem import Problem, Rows
from embedkit.heads.routes import plain_route
from embedkit.heads.routes.ridge import fit_all, leave_one_out

CANDIDATES = [{"alpha": alpha} for alpha in (0.01, 1, 10)]


def a_problem(n: int, d: int, n_classes: int, task: Any, device: str) -> Problem:
    rng = np.random.default_rng(n)
    y = np.arange(n) % n_classes
    X = (np.eye(n_classes, d)[y] + rng.normal(size=(n, d)) + 3).astype(np.float32)
    targets = y if task == "classification" else X[:, 0] + 0.1 * rng.normal(size=n)
    return Problem(Rows(X, device), np.arange(n), targets, task, n_classes, 0)


@pytest.mark.parametrize(("n", "d"), [(12, 40), (60, 8)])
@pytest.mark.parametrize(("n_classes", "task"), [(4, "classification"), (2, "classification"), (1, "regression")])
def test_all_penalties_from_one_decomposition_predict_as_each_by_itself(
    n: int, d: int, n_classes: int, task: Any, gpu: str
) -> None:
    problem = a_problem(n, d, n_classes, task, gpu)
    queries = problem.rows.queries(np.random.default_rng(1).normal(size=(25, d)).astype(np.float32) + 3)
    alone = plain_route(HEADS["ridge"])(problem, CANDIDATES)(queries)
    for found, wanted in zip(fit_all(problem, CANDIDATES)(queries), alone, strict=True):
        np.testing.assert_allclose(found.values, wanted.values, rtol=1e-3)


def test_leave_one_out_is_the_same_everywhere(gpu: str) -> None:
    here, there = (leave_one_out(a_problem(30, 50, 3, "classification", d), CANDIDATES) for d in ("cpu", gpu))
    np.testing.assert_array_equal(there.predicted, here.predicted)
    np.testing.assert_allclose(there.losses, here.losses, rtol=1e-8)
