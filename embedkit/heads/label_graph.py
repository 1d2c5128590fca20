"""Heads that let labels flow along the graph of nearest neighbours in the pool."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from embedkit.heads.finite import validate_rows
from embedkit.heads.graph import METRICS, Graph, nearest_in, settled
from embedkit.heads.targets import classes_and_codes_of_labelled

LEAK = 1e-4
"""Propagation loses so much at each step, so that rows which no labelled one can reach end up with nothing."""


class _LabelGraphClassifier(ClassifierMixin, BaseEstimator, ABC):
    def __init__(self, n_neighbors: int, metric: str, class_mass: bool) -> None:
        self.n_neighbors = n_neighbors
        self.metric = metric
        self.class_mass = class_mass

    def fit(self, X: Any, y: Any) -> Any:
        """Fit to `X` (n, d) and `y` (n,), where -1 marks rows without a label."""
        X, y = validate_rows(self, X, y, dtype=(np.float64, np.float32))
        if self.metric not in METRICS:
            raise ValueError(f"metric must be one of {', '.join(METRICS)}, got {self.metric!r}")
        self.classes_, codes = classes_and_codes_of_labelled(self, y)
        self._rows = X
        self._graph = Graph(nearest_in(X, X, self.n_neighbors, self.metric, same=True), self.n_neighbors)
        (places,) = np.nonzero(codes >= 0)
        (self.label_distributions_,) = self._distributions(self._graph, places, codes[places])
        return self

    @abstractmethod
    def _distributions(self, graph: Graph, places: np.ndarray, codes: np.ndarray) -> list[np.ndarray]:
        """What labels at some places of the graph say of all its rows: one array (n, n_classes)."""

    def predict_proba(self, X: Any) -> np.ndarray:
        """Mean distribution of the k nearest fitted rows, weighted as in the graph, (n, n_classes)."""
        check_is_fitted(self)
        X = validate_rows(self, X, dtype=(np.float64, np.float32), reset=False)
        neighbors = nearest_in(self._rows, X, self.n_neighbors, self.metric)
        return self._graph.votes(neighbors, self.label_distributions_)

    def predict(self, X: Any) -> np.ndarray:
        """The most probable class."""
        best = self.predict_proba(X).argmax(axis=1)
        return self.classes_[best]


class LabelSpreading(_LabelGraphClassifier):
    """Every row passes on a share of what flows to it, and keeps hold of its own label by the rest (Zhou et al. 2004).

    Unlike scikit-learn's class of this name it solves for the end of the flow, on a sparse graph whose scales follow
    the density of the rows, and it predicts new rows from their nearest neighbours alone.

    Parameters
    ----------
    n_neighbors : int
    alpha : float
        Share that is passed on, below 1.
    metric : {"cosine", "euclidean"}
    class_mass : bool
        Scale what each class has in all to its share of the labels (Zhu, Ghahramani and Lafferty 2003).

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Without the -1 of unlabelled rows.
    label_distributions_ : ndarray of shape (n, n_classes)
        Of the fitted rows.
    """

    def __init__(
        self, n_neighbors: int = 10, alpha: float = 0.97, *, metric: str = "cosine", class_mass: bool = True
    ) -> None:
        super().__init__(n_neighbors, metric, class_mass)
        self.alpha = alpha

    def _distributions(self, graph: Graph, places: np.ndarray, codes: np.ndarray) -> list[np.ndarray]:
        return spread(graph, places, codes, [self.alpha], [self.class_mass])


class LabelPropagation(_LabelGraphClassifier):
    """Every row without a label has the mean of its neighbours, and labels stand firm (Zhu and Ghahramani 2002).

    Parameters
    ----------
    n_neighbors, metric, class_mass
        As in :class:`LabelSpreading`.

    Attributes
    ----------
    classes_, label_distributions_
        As in :class:`LabelSpreading`.
    """

    def __init__(self, n_neighbors: int = 10, *, metric: str = "cosine", class_mass: bool = True) -> None:
        super().__init__(n_neighbors, metric, class_mass)

    def _distributions(self, graph: Graph, places: np.ndarray, codes: np.ndarray) -> list[np.ndarray]:
        return propagate(graph, places, codes, [self.class_mass])


def spread(
    graph: Graph, places: np.ndarray, codes: np.ndarray, alphas: Sequence[float], class_mass: Sequence[bool]
) -> list[np.ndarray]:
    """Distributions of all rows, (n, n_classes), for each alpha, from labelled rows at `places` with class `codes`."""
    alone = _indicators(graph, places, codes)
    sources = np.hstack([(1 - alpha) * alone for alpha in alphas])
    ended = settled(graph.flow, np.repeat(alphas, alone.shape[1]), sources)
    parts = np.split(ended, len(alphas), axis=1)
    return [_as_distributions(part, codes, mass) for part, mass in zip(parts, class_mass, strict=True)]


def propagate(graph: Graph, places: np.ndarray, codes: np.ndarray, class_mass: Sequence[bool]) -> list[np.ndarray]:
    """Distributions of all rows, (n, n_classes), from labelled rows at `places` with class `codes`."""
    labels = _indicators(graph, places, codes)
    sources = graph.flow @ (graph.roots[:, None] * labels)
    sources[places] = 0
    ended = settled(graph.flow, np.full(labels.shape[1], 1 - LEAK), sources, places) / graph.roots[:, None] + labels
    return [_as_distributions(ended, codes, mass) for mass in class_mass]


def _indicators(graph: Graph, places: np.ndarray, codes: np.ndarray) -> np.ndarray:
    alone = np.zeros((len(graph.roots), codes.max() + 1))
    alone[places, codes] = 1
    return alone


def _as_distributions(ended: np.ndarray, codes: np.ndarray, class_mass: bool) -> np.ndarray:
    """Rows that sum to 1, float32; those that nothing has reached have the shares of the labels."""
    shares = np.bincount(codes) / len(codes)
    amounts = ended.clip(0).astype(np.float64)
    if class_mass:
        amounts *= shares / amounts.sum(axis=0)
    sums = amounts.sum(axis=1, keepdims=True)
    return np.where(sums > 0, amounts / np.where(sums > 0, sums, 1.0), shares).astype(np.float32)
