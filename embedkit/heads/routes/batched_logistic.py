"""Logistic regression for a GPU: all penalties of all draws and folds as one program.

On a CPU scikit-learn's solver is faster from some hundred labels on.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning

from embedkit.heads.lbfgs import minimise
from embedkit.heads.problem import Predict, Prediction, Problem, Queries, as_prediction
from embedkit.heads.routes import Fit
from embedkit.heads.scaling import ScalarScaler

BATCH_NUMBERS = 2**26
"""Inputs and logits of one program hold about so many numbers (512 MiB)."""

TOLERANCE = 1e-7
STEPS_MAX = 2000


class _Draw(NamedTuple):
    scaler: ScalarScaler
    X: np.ndarray
    classes: np.ndarray
    codes: np.ndarray
    C: tuple[float, ...]


def fit_all(fits: Sequence[Fit]) -> list[Predict]:
    """Every candidate of every problem; problems of like size share a program."""
    draws = [_draw(fit) for fit in fits]
    weights: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}
    for places in _batches(draws):
        made = _weights([draws[place] for place in places], fits[places[0]].problem.rows.device)
        weights.update(zip(places, made, strict=True))
    return [
        _predict(fit.problem, draw, *weights[place]) for place, (fit, draw) in enumerate(zip(fits, draws, strict=True))
    ]


def _draw(fit: Fit) -> _Draw:
    scaler = ScalarScaler("rows").fit(fit.problem.X.astype(np.float64))
    X = scaler.transform(fit.problem.X.astype(np.float64))
    classes, codes = np.unique(fit.problem.y, return_inverse=True)
    if len(classes) < 2:
        raise ValueError("logistic needs labels of at least 2 classes; the draw holds one class")
    return _Draw(scaler, X, classes, codes, tuple(params["C"] for params in fit.candidates))


def _batches(draws: Sequence[_Draw]) -> list[list[int]]:
    """Places of draws that are fitted together: with as many candidates, all of two classes or all of more."""
    batches: dict[tuple[int, bool], list[list[int]]] = {}
    taken = 0
    for place in sorted(range(len(draws)), key=lambda place: len(draws[place].X)):
        draw = draws[place]
        found = batches.setdefault((len(draw.C), len(draw.classes) == 2), [[]])
        taken = (len(found[-1]) + 1) * len(draw.X) * (draw.X.shape[1] + 3 * len(draw.C) * len(draw.classes))
        if found[-1] and taken > BATCH_NUMBERS:
            found.append([])
        found[-1].append(place)
    return [places for found in batches.values() for places in found]


def _weights(draws: Sequence[_Draw], device: str) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """For each draw the weights (c, k, d) and intercepts (c, k) of its candidates; k = 1 for two classes.

    The objective is scikit-learn's, divided by C n: the mean log-loss and |weights|^2 / (2 C n).
    """
    m, c = len(draws), len(draws[0].C)
    n, d = (max(draw.X.shape[axis] for draw in draws) for axis in (0, 1))
    k = 1 if len(draws[0].classes) == 2 else max(len(draw.classes) for draw in draws)
    X = torch.zeros(m, n, d, dtype=torch.float64)  # shorter draws are filled up with rows of no weight
    truth = torch.zeros(m, n, 1, max(k, 2), dtype=torch.float64)
    share = torch.zeros(m, n, dtype=torch.float64)
    absent = torch.zeros(m, 1, 1, max(k, 2), dtype=torch.bool)
    for at, draw in enumerate(draws):
        rows = len(draw.X)
        X[at, :rows, : draw.X.shape[1]] = torch.from_numpy(draw.X)
        truth[at, torch.arange(rows), 0, torch.from_numpy(draw.codes)] = 1
        share[at, :rows] = 1 / rows
        absent[at, ..., len(draw.classes) :] = True
    penalty = torch.tensor([[1 / (C * len(draw.X)) for C in draw.C] for draw in draws], dtype=torch.float64)
    X, truth, share, absent, penalty = (each.to(device) for each in (X, truth, share, absent, penalty))

    def value_and_gradient(flat: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        weights, intercepts = _unpacked(flat, m, c, k)
        logits = (X @ weights.flatten(1, 2).mT).view(m, n, c, k) + intercepts[:, None]
        logits = torch.cat([torch.zeros_like(logits), logits], dim=3) if k == 1 else logits
        log_likely = logits.masked_fill(absent, -torch.inf).log_softmax(dim=3)
        losses = -(log_likely.masked_fill(absent, 0) * truth).sum(dim=3)
        value = (share[..., None] * losses).sum(dim=1) + penalty / 2 * (weights**2).sum(dim=(2, 3))
        errors = (log_likely.exp() - truth)[..., -k:] * share[..., None, None]  # (m, n, c, k)
        by_weight = (errors.flatten(2).mT @ X).view(m, c, k, d) + penalty[..., None, None] * weights
        return value.flatten(), torch.cat([by_weight.flatten(2), errors.sum(dim=1)], dim=2).flatten(0, 1)

    start = torch.zeros(m * c, k * (d + 1), dtype=torch.float64, device=device)
    found, converged = minimise(value_and_gradient, start, TOLERANCE, STEPS_MAX)
    if not converged:
        warnings.warn(f"logistic regression has not converged in {STEPS_MAX} steps", ConvergenceWarning, stacklevel=2)
    weights, intercepts = _unpacked(found, m, c, k)
    kept = [min(k, len(draw.classes)) for draw in draws]
    return [
        (weights[at, :, :own, : draw.X.shape[1]], intercepts[at, :, :own])
        for at, (draw, own) in enumerate(zip(draws, kept, strict=True))
    ]


def _unpacked(flat: torch.Tensor, m: int, c: int, k: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Weights (m, c, k, d) and intercepts (m, c, k)."""
    shaped = flat.view(m, c, -1)
    return shaped[..., :-k].view(m, c, k, -1), shaped[..., -k:]


def _predict(problem: Problem, draw: _Draw, weights: torch.Tensor, intercepts: torch.Tensor) -> Predict:
    def predict(queries: Queries) -> list[Prediction]:
        rows = torch.from_numpy(draw.scaler.transform(queries.X.astype(np.float64))).to(weights.device)
        logits = torch.einsum("qd,ckd->cqk", rows, weights) + intercepts[:, None]
        logits = torch.cat([torch.zeros_like(logits), logits], dim=2) if len(draw.classes) == 2 else logits
        probabilities = logits.softmax(dim=2).cpu().numpy()
        return [as_prediction(of_one, draw.classes, problem) for of_one in probabilities]

    return predict
