"""Ridge regression for all penalties from one decomposition, with leave-one-out in closed form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from embedkit.heads.problem import Problem
from embedkit.heads.scaling import ScalarScaler
from embedkit.scores import inner_score


def leave_one_out_scores(problem: Problem, candidates: Sequence[dict[str, Any]]) -> list[float]:
    """The score of each penalty when every row is predicted from the others (Allen 1974, PRESS).

    With the hat matrix H of centred ridge regression, the residual without row i is (y_i - yhat_i) / (1 - H_ii - 1/n).
    The scaler is not fitted anew for each row.
    """
    X = ScalarScaler("rows").fit_transform(problem.X.astype(np.float64))
    targets, classes = _targets(problem)
    basis, squares = left_basis(X)
    centred = targets - targets.mean(axis=0)
    in_basis = basis.T @ centred  # (r, k)
    scores = []
    for params in candidates:
        shrink = squares / (squares + params["alpha"])
        residual = centred - basis @ (shrink[:, None] * in_basis)
        leverage = basis**2 @ shrink + 1 / len(X)
        without = targets - residual / (1 - leverage)[:, None]
        predicted = without[:, 0] if classes is None else classes[_best(without)]
        scores.append(inner_score(problem.y, predicted, problem.task))
    return scores


def left_basis(X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Left singular vectors (n, r) and squared singular values (r,) of X (n, d), by way of the smaller product."""
    n, d = X.shape
    squares, vectors = np.linalg.eigh(X @ X.T if n <= d else X.T @ X)
    kept = squares > squares[-1] * max(n, d) * np.finfo(np.float64).eps
    squares, vectors = squares[kept], vectors[:, kept]
    return (vectors if n <= d else X @ vectors / np.sqrt(squares)), squares


def _targets(problem: Problem) -> tuple[np.ndarray, np.ndarray | None]:
    """What is regressed on, (n, k): numbers, or 1 and -1 for each class (one column for two classes)."""
    if problem.task == "regression":
        return problem.y[:, None].astype(np.float64), None
    classes, codes = np.unique(problem.y, return_inverse=True)
    indicators = 2.0 * (codes[:, None] == np.arange(len(classes))) - 1
    return (indicators[:, 1:] if len(classes) == 2 else indicators), classes


def _best(scores: np.ndarray) -> np.ndarray:
    return (scores[:, 0] > 0).astype(np.int64) if scores.shape[1] == 1 else scores.argmax(axis=1)
