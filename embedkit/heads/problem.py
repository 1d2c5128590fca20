"""Problem: labelled rows and their targets, as index sets of rows whose inner products are made once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from embedkit.heads.arrays import Array, namespace, on_device
from embedkit.heads.head import Head, Task
from embedkit.heads.pool import UNLABELLED, Pool


@dataclass(frozen=True, eq=False)
class Prediction:
    """For some rows (q,): class indices or numbers, and where the head gives them probabilities (q, n_classes)."""

    values: np.ndarray
    probabilities: np.ndarray | None = None


class Rows:
    """Labelled rows, (N, d), of the largest draw; every smaller draw and fold is an index set of them.

    Products of rows are made on `device`, and stay there: see `embedkit.heads.arrays`. With a pool, the labelled rows
    are at `places` (N,) in it. For heads that train a network they are images, (N, C, h, w), and `settings` are
    parameters of the head that come with them.
    """

    def __init__(
        self,
        X: np.ndarray,
        device: str = "cpu",
        *,
        pool: Pool | None = None,
        places: np.ndarray | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        self.X = X
        self.device = device
        self.pool = pool
        self.places = places
        self.settings = settings or {}

    @cached_property
    def shift(self) -> np.ndarray:
        """The mean of the rows, (d,) float64."""
        return self.X.mean(axis=0, dtype=np.float64)

    def centre(self, X: np.ndarray) -> Array:
        """Rows less the mean of the labelled ones, float64: products of these lose no digits to a common offset."""
        return on_device(X - self.shift, self.device)

    @cached_property
    def centred(self) -> Array:
        """The labelled rows less their mean, (N, d) float64."""
        return self.centre(self.X)

    @cached_property
    def products(self) -> Array:
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

    @property
    def places(self) -> np.ndarray | None:
        """Where these rows are in the pool, (q,), or None for rows that are not in it."""
        return None if self._index is None or self._rows.places is None else self._rows.places[self._index]

    @cached_property
    def inner(self) -> tuple[Array, Array]:
        """Inner products with each labelled row, (q, N), and with themselves, (q,), all centred, float64."""
        if self._index is not None:
            products = self._rows.products
            return products[self._index], products[self._index, self._index]
        centred = self._rows.centre(self.X)
        squares = namespace(centred).einsum("qd,qd->q", centred, centred)
        return centred @ self._rows.centred.T, squares


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

    @property
    def pool(self) -> tuple[Pool, np.ndarray]:
        """The pool, and where the labelled rows are in it, (n,); without one these rows are their own pool."""
        if self.rows.pool is None or self.rows.places is None:
            return Pool(lambda: self.X), np.arange(len(self.y))
        return self.rows.pool, self.rows.places[self.index]

    def part(self, chosen: np.ndarray) -> Problem:
        """The same with some of its labels only; `chosen` is a mask (n,). The pool keeps all rows."""
        return replace(self, index=self.index[chosen], y=self.y[chosen])

    def in_span(self) -> Problem:
        """The labelled rows in coordinates of their span, at most n of them: all inner products stay as they are."""
        if self.X.shape[1] <= len(self.X):
            return self
        axes = np.linalg.qr(self.X.T.astype(np.float64))[0]  # (d, n)
        return replace(self, rows=Rows(self.X @ axes, self.rows.device), index=np.arange(len(self.index)))


class Block:
    """Inner products of a draw after scalar scaling: centred on the draw, then divided by the mean square of the rows.

    They follow from those of the largest draw by double centring (Schölkopf, Smola and Müller 1998, appendix B): no
    budget and no fold needs products of its own.

    Attributes
    ----------
    within : array or tensor of shape (n, n), float64
    squares : array or tensor of shape (n,)
        The diagonal of `within`.
    """

    def __init__(self, problem: Problem) -> None:
        self._index = problem.index
        raw = problem.rows.products[problem.index[:, None], problem.index]
        self._mean = raw.mean(axis=0)
        self._grand = self._mean.mean()
        within = raw - self._mean - self._mean[:, None] + self._grand
        all_equal = not np.ptp(problem.X, axis=0).any()
        self._scale = 1.0 if all_equal else float(within.trace()) / len(within)
        self.within = within / self._scale
        self.squares = self.within.diagonal()

    def between(self, queries: Queries) -> tuple[Array, Array]:
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


def unfitted(head: Head, problem: Problem, params: dict[str, Any]) -> Any:
    """The estimator of a head for a problem, working where its rows are if it can."""
    estimator = head.build(problem.seed, problem.task, **params)
    places = {name: problem.rows.device for name in estimator.get_params() if name.rpartition("__")[2] == "device"}
    return estimator.set_params(**problem.rows.settings, **(places if head.gpu else {}))


def training_rows(head: Head, problem: Problem, params: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """What the estimator of a head is fitted to: the labelled rows, or the pool, with -1 for rows without a label."""
    if not uses_pool(head, params):
        return problem.X, problem.y
    pool, places = problem.pool
    y = np.full(len(pool.X), UNLABELLED)
    y[places] = problem.y
    return pool.X, y


def uses_pool(head: Head, params: dict[str, Any]) -> bool:
    """Whether a head, or one of several that it may choose, uses the pool."""
    from embedkit.heads import HEADS

    return head.pool or any(uses_pool(HEADS[member.name], {}) for member in params.get("heads", ()))


def predicted(estimator: Any, X: np.ndarray, problem: Problem) -> Prediction:
    """What a fitted estimator says of `X` (q, d)."""
    if problem.task == "regression" or not hasattr(estimator, "predict_proba"):
        return Prediction(np.asarray(estimator.predict(X)))
    return as_prediction(estimator.predict_proba(X), estimator.classes_, problem)


def as_prediction(output: np.ndarray, classes: np.ndarray | None, problem: Problem) -> Prediction:
    """Numbers as they are; probabilities of the classes that a draw holds as those of all classes of the data set."""
    if classes is None:
        return Prediction(output)
    probabilities = np.zeros((len(output), problem.n_classes))
    probabilities[:, classes] = output
    return Prediction(classes[output.argmax(axis=1)], probabilities)
