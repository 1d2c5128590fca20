"""Support vector machines on kernels made from shared inner products."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations
from typing import Any

import numpy as np
from sklearn.svm import SVC, SVR

from embedkit.heads.arrays import Array, as_numpy, like, namespace
from embedkit.heads.families.svm import COEF0, EPSILON
from embedkit.heads.problem import Block, Predict, Prediction, Problem, Queries

CLASSES_MAX = 50  # above, libsvm takes the votes: there are more pairs of classes than a matrix should have columns

Kernel = tuple[str, float, int]
"""Its name, gamma and degree."""

Decide = Callable[[Array], np.ndarray]
"""From a kernel between queries and labelled rows, (q, n), to classes or numbers, (q,)."""


def fit_all(problem: Problem, candidates: Sequence[dict[str, Any]]) -> Predict:
    """Every candidate on precomputed kernels; equal kernels are made once.

    Kernels and decisions are made where the rows are, the machines by libsvm on the CPU.
    """
    block = Block(problem)
    kernels = [(params["kernel"], params["gamma"], params["degree"]) for params in candidates]
    within = {kernel: _matrix(block.within, block.squares, block.squares, kernel) for kernel in set(kernels)}
    fit = _fit_classes if problem.task == "classification" else _fit_numbers
    decide = [fit(within[kernel], problem.y, params["C"]) for kernel, params in zip(kernels, candidates, strict=True)]

    def predict(queries: Queries) -> list[Prediction]:
        products, squares = block.between(queries)
        between = {kernel: _matrix(products, squares, block.squares, kernel) for kernel in within}
        return [Prediction(decide_(between[kernel])) for decide_, kernel in zip(decide, kernels, strict=True)]

    return predict


def _matrix(products: Array, squares: Array, own_squares: Array, kernel: Kernel) -> Array:
    """The kernel between rows with these inner products, (q, n), and squared lengths, (q,) and (n,)."""
    name, gamma, degree = kernel
    xp = namespace(products)
    if name == "cosine":
        lengths, own_lengths = (xp.sqrt(xp.clip(each, 0, None)) for each in (squares, own_squares))
        return products / xp.where(lengths > 0, lengths, 1.0)[:, None] / xp.where(own_lengths > 0, own_lengths, 1.0)
    if name == "poly":
        return (gamma * products + COEF0) ** degree
    distances = xp.clip(squares[:, None] + own_squares - 2 * products, 0, None)
    return xp.exp(-gamma * distances)


def _fit_classes(kernel: Array, y: np.ndarray, C: float) -> Decide:
    machine = SVC(C=C, kernel="precomputed").fit(as_numpy(kernel), y)
    classes = machine.classes_
    if len(classes) > CLASSES_MAX:
        return lambda between: machine.predict(as_numpy(between))
    weights, support = like(_pair_weights(machine), kernel), machine.support_
    pairs = list(combinations(range(len(classes)), 2))

    def decide(between: Array) -> np.ndarray:
        first_wins = as_numpy(between[:, support] @ weights) + machine.intercept_ > 0
        if len(classes) == 2:
            return classes[first_wins[:, 0] * 1]
        votes = np.zeros((len(between), len(classes)), dtype=np.int64)
        for won, (first, second) in zip(first_wins.T, pairs, strict=True):
            votes[:, first] += won
            votes[:, second] += ~won
        return classes[votes.argmax(axis=1)]

    return decide


def _pair_weights(machine: SVC) -> np.ndarray:
    """Of each support vector in the decision between each pair of classes, (n_support, n_pairs)."""
    ends = np.cumsum(machine.n_support_)
    of_class = [slice(end - size, end) for end, size in zip(ends, machine.n_support_, strict=True)]
    pairs = list(combinations(range(len(of_class)), 2))
    weights = np.zeros((len(machine.support_), len(pairs)))
    for column, (first, second) in enumerate(pairs):
        weights[of_class[first], column] = machine.dual_coef_[second - 1, of_class[first]]
        weights[of_class[second], column] = machine.dual_coef_[first, of_class[second]]
    return weights


def _fit_numbers(kernel: Array, y: np.ndarray, C: float) -> Decide:
    centre, spread = y.mean(), y.std() or 1.0
    machine = SVR(C=C, kernel="precomputed", epsilon=EPSILON).fit(as_numpy(kernel), (y - centre) / spread)
    weights, support = like(machine.dual_coef_[0], kernel), machine.support_
    return lambda between: (as_numpy(between[:, support] @ weights) + machine.intercept_[0]) * spread + centre
