from __future__ import annotations

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from embedkit.heads.problem import Problem, Rows
from embedkit.heads.routes import Fit, batched_logistic
from embedkit.heads.scaling import ScalarScaler

CANDIDATES = [{"C": 0.1}, {"C": 10.0}, {"C": 100.0}]
N_CLASSES = 5


def a_problem(n: int, classes: list[int], seed: int, device: str) -> Problem:
    rng = np.random.default_rng(seed)
    y = np.array(classes)[np.arange(n) % len(classes)]
    X = (np.eye(N_CLASSES, 7)[y] + rng.normal(size=(n, 7)) + 2).astype(np.float32)
    return Problem(Rows(X, device), np.arange(n), y, "classification", N_CLASSES, seed)


def expected(problem: Problem, C: float, X: np.ndarray) -> np.ndarray:
    """Probabilities (q, N_CLASSES) by scikit-learn, solved to many digits."""
    rows = problem.X.astype(np.float64)
    scaler = ScalarScaler("rows").fit(rows)
    exact = LogisticRegression(C=C, tol=1e-10, max_iter=10_000).fit(scaler.transform(rows), problem.y)
    probabilities = np.zeros((len(X), N_CLASSES))
    probabilities[:, exact.classes_] = exact.predict_proba(scaler.transform(X))
    return probabilities


def test_draws_of_any_size_and_classes_are_fitted_as_scikit_learn_fits_each(gpu: str) -> None:
    shapes = [(20, [0, 1, 2, 3, 4]), (33, [0, 1, 2, 3, 4]), (12, [1, 3]), (9, [0, 2, 4]), (16, [0, 4])]
    problems = [a_problem(n, classes, seed, gpu) for seed, (n, classes) in enumerate(shapes)]
    queries = np.random.default_rng(9).normal(size=(15, 7)) + 2
    together = batched_logistic.fit_all([Fit("logistic", problem, CANDIDATES) for problem in problems])
    for problem, predict in zip(problems, together, strict=True):
        for params, found in zip(CANDIDATES, predict(problem.rows.queries(queries)), strict=True):
            wanted = expected(problem, params["C"], queries)
            np.testing.assert_allclose(found.probabilities, wanted, atol=5e-5)
            np.testing.assert_array_equal(found.values, wanted.argmax(axis=1))


def test_small_programs_give_the_same(monkeypatch: pytest.MonkeyPatch, gpu: str) -> None:
    problems = [a_problem(20 + seed, [0, 1, 2], seed, gpu) for seed in range(3)]
    fits = [Fit("logistic", problem, CANDIDATES) for problem in problems]
    queries = problems[0].rows.queries(problems[0].X)
    whole = [predict(queries)[1].probabilities for predict in batched_logistic.fit_all(fits)]
    monkeypatch.setattr(batched_logistic, "BATCH_NUMBERS", 1)
    single = [predict(queries)[1].probabilities for predict in batched_logistic.fit_all(fits)]
    np.testing.assert_allclose(single, whole, atol=1e-4)


def test_too_few_steps_are_warned_of(monkeypatch: pytest.MonkeyPatch, gpu: str) -> None:
    monkeypatch.setattr(batched_logistic, "STEPS_MAX", 2)
    with pytest.warns(ConvergenceWarning, match="logistic regression has not converged in 2 steps"):
        batched_logistic.fit_all([Fit("logistic", a_problem(20, [0, 1], 0, gpu), CANDIDATES)])
