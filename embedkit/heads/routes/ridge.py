"""Ridge regression for all penalties from one decomposition, with leave-one-out in closed form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from embedkit.heads.arrays import Array, as_numpy, like, namespace, on_device
from embedkit.heads.problem import Inner, Predict, Prediction, Problem, Queries
from embedkit.heads.scaling import ScalarScaler


def leave_one_out(problem: Problem, candidates: Sequence[dict[str, Any]]) -> Inner:
    """For each penalty what every row is predicted to be from the others, and the squared error (Allen 1974, PRESS).

    With the hat matrix H of centred ridge regression, the residual without row i is (y_i - yhat_i) / (1 - H_ii - 1/n).
    The scaler is not fitted anew for each row. Penalties are told apart by their squared errors, as by scikit-learn's
    `RidgeClassifierCV`: without its row a class is smaller than the others, which misleads a count of hits.
    """
    X = on_device(ScalarScaler("rows").fit_transform(problem.X.astype(np.float64)), problem.rows.device)
    targets, classes = _targets(problem)
    basis, squares = left_basis(X)
    centred = like(targets - targets.mean(axis=0), X)
    in_basis = basis.T @ centred  # (r, k)
    predicted, losses = [], []
    for params in candidates:
        shrink = squares / (squares + params["alpha"])
        leverage = basis**2 @ shrink + 1 / len(X)
        residual = as_numpy((centred - basis @ (shrink[:, None] * in_basis)) / (1 - leverage)[:, None])
        predicted.append(_decided(targets - residual, classes))
        losses.append(np.mean(residual**2, axis=1))
    return Inner(np.stack(predicted), np.stack(losses))


def fit_all(problem: Problem, candidates: Sequence[dict[str, Any]]) -> Predict:
    """Every penalty, where the rows are."""
    scaler = ScalarScaler("rows").fit(problem.X.astype(np.float64))

    def scaled(X: np.ndarray) -> Array:
        return on_device(scaler.transform(X.astype(np.float64)), problem.rows.device)

    X = scaled(problem.X)
    targets, classes = _targets(problem)
    basis, squares = left_basis(X)
    in_basis = basis.T @ like(targets - targets.mean(axis=0), X)
    turned = X.T @ basis
    weights = [turned @ (in_basis / (squares + params["alpha"])[:, None]) for params in candidates]  # (d, k) each

    def predict(queries: Queries) -> list[Prediction]:
        rows = scaled(queries.X)
        return [Prediction(_decided(as_numpy(rows @ each) + targets.mean(axis=0), classes)) for each in weights]

    return predict


def left_basis(X: Array) -> tuple[Array, Array]:
    """Left singular vectors (n, r) and squared singular values (r,) of X (n, d), by way of the smaller product."""
    n, d = X.shape
    squares, vectors = namespace(X).linalg.eigh(X @ X.T if n <= d else X.T @ X)
    kept = squares > squares[-1] * max(n, d) * np.finfo(np.float64).eps
    squares, vectors = squares[kept], vectors[:, kept]
    return (vectors if n <= d else X @ vectors / squares**0.5), squares


def _targets(problem: Problem) -> tuple[np.ndarray, np.ndarray | None]:
    """What is regressed on, (n, k): numbers, or 1 and -1 for each class (one column for two classes)."""
    if problem.task == "regression":
        return problem.y[:, None].astype(np.float64), None
    classes, codes = np.unique(problem.y, return_inverse=True)
    indicators = 2.0 * (codes[:, None] == np.arange(len(classes))) - 1
    return (indicators[:, 1:] if len(classes) == 2 else indicators), classes


def _decided(scores: np.ndarray, classes: np.ndarray | None) -> np.ndarray:
    """Numbers, or the classes of the highest scores, (n,), from scores (n, k)."""
    if classes is None:
        return scores[:, 0]
    return classes[(scores[:, 0] > 0) * 1 if scores.shape[1] == 1 else scores.argmax(axis=1)]
