"""Problem: labelled rows and their targets, as index sets of rows whose inner products are made once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from embedkit.heads.head import Task


@dataclass(frozen=True, eq=False)
class Prediction:
    """For some rows (q,): class indices or numbers, and where the head gives them probabilities (q, n_classes)."""

    values: np.ndarray
    probabilities: np.ndarray | None = None


class Rows:
    """Labelled rows, (N, d), of the largest draw; every smaller draw and fold is an index set of them."""

    def __init__(self, X: np.ndarray) -> None:
        self.X = X
        self.shift = X.mean(axis=0, dtype=np.float64)

    @cached_property
    def centred(self) -> np.ndarray:
        """The rows less their mean, (N, d) float64: products of these lose no digits to a common offset."""
        return self.X - self.shift

    @cached_property
    def products(self) -> np.ndarray:
        """Inner products of the centred rows, (N, N) float64."""
        return self.centred @ self.centred.T

    def at(self, index: np.ndarray) -> Queries:
        """Some of these rows as queries, (q,) indices."""
        return Queries(self, self.X[index], index)

    def queries(self, X: np.ndarray) -> Queries:
        """Other rows, (q, d), as queries."""
        return Queries(self, X, None)


class Queries:
    """Rows to be predicted, (q, d), and their inner products once those are asked for."""

    def __init__(self, rows: Rows, X: np.ndarray, index: np.ndarray | None) -> None:
        self.X = X
        self._rows = rows
        self._index = index

    @cached_property
    def inner(self) -> tuple[np.ndarray, np.ndarray]:
        """Inner products with each labelled row, (q, N), and with themselves, (q,), all centred, float64."""
        if self._index is not None:
            products = self._rows.products
            return products[self._index], products[self._index, self._index]
        centred = self.X - self._rows.shift
        return centred @ self._rows.centred.T, np.einsum("qd,qd->q", centred, centred)


@dataclass(frozen=True, eq=False)
class Inner:
    """What candidates say of labelled rows that their fits did not see, and what that costs: both (candidates, n)."""

    predicted: np.ndarray
    losses: np.ndarray


@dataclass(frozen=True, eq=False)
class Problem:
    """One draw of labels, or a part of it.

    Attributes
    ----------
    rows : Rows
    index : ndarray of int, shape (n,)
        The labelled rows of this draw among `rows`.
    y : ndarray of shape (n,)
        Class indices below `n_classes`, or numbers.
    """

    rows: Rows
    index: np.ndarray
    y: np.ndarray
    task: Task
    n_classes: int
    seed: int

    @cached_property
    def X(self) -> np.ndarray:
        """The labelled rows, (n, d)."""
        return self.rows.X[self.index]

    def part(self, chosen: np.ndarray) -> Problem:
        """The same with some of its rows only; `chosen` is a mask (n,)."""
        return replace(self, index=self.index[chosen], y=self.y[chosen])

    def in_span(self) -> Problem:
        """The same rows in coordinates of their span, at most n of them: all inner products stay as they are."""
        if self.X.shape[1] <= len(self.X):
            return self
        axes = np.linalg.qr(self.X.T.astype(np.float64))[0]  # (d, n)
        return replace(self, rows=Rows(self.X @ axes), index=np.arange(len(self.index)))


class Block:
    """Inner products of a draw after scalar scaling: centred on the draw, then divided by the mean square of the rows.

    They follow from those of the largest draw by double centring (Schölkopf, Smola and Müller 1998, appendix B): no
    budget and no fold needs products of its own.

    Attributes
    ----------
    within : ndarray of shape (n, n)
    squares : ndarray of shape (n,)
        The diagonal of `within`.
    """

    def __init__(self, problem: Problem) -> None:
        self._index = problem.index
        raw = problem.rows.products[np.ix_(problem.index, problem.index)]
        self._mean = raw.mean(axis=0)
        self._grand = self._mean.mean()
        within = raw - self._mean - self._mean[:, None] + self._grand
        all_equal = not np.ptp(problem.X, axis=0).any()
        self._scale = 1.0 if all_equal else float(np.trace(within)) / len(within)
        self.within = within / self._scale
        self.squares = np.diag(self.within)

    def between(self, queries: Queries) -> tuple[np.ndarray, np.ndarray]:
        """Products of queries with the draw, (q, n), and with themselves, (q,)."""
        all_products, squares = queries.inner
        raw = all_products[:, self._index]
        mean = raw.mean(axis=1)
        products = raw - mean[:, None] - self._mean + self._grand
        return products / self._scale, (squares - 2 * mean + self._grand) / self._scale


Predict = Callable[[Queries], list[Prediction]]
"""From queries to the predictions of every candidate."""

Route = Callable[[Problem, Sequence[dict[str, Any]]], Predict]
"""Fits all candidates, given as the complete parameters of the head."""


def predicted(estimator: Any, X: np.ndarray, problem: Problem) -> Prediction:
    """What a fitted estimator says of `X` (q, d)."""
    if problem.task == "regression" or not hasattr(estimator, "predict_proba"):
        return Prediction(np.asarray(estimator.predict(X)))
    return as_prediction(estimator, estimator.predict_proba(X), problem)


def as_prediction(estimator: Any, output: np.ndarray, problem: Problem) -> Prediction:
    """Numbers as they are; probabilities of the classes that a draw holds as those of all classes of the data set."""
    if problem.task == "regression":
        return Prediction(output)
    probabilities = np.zeros((len(output), problem.n_classes))
    probabilities[:, estimator.classes_] = output
    return Prediction(estimator.classes_[output.argmax(axis=1)], probabilities)
