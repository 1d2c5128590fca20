"""Heads that compare embeddings by distance: k nearest neighbours."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.neighbors import KNeighborsRegressor, NearestNeighbors
from sklearn.utils.validation import check_is_fitted, validate_data

from embedkit.heads.targets import classes_and_codes


class NearestNeighborsClassifier(ClassifierMixin, BaseEstimator):
    """Vote of the k nearest labelled rows; among classes with equal votes the one with the nearest member wins.

    With fewer than k labelled rows all of them vote. (scikit-learn's own classifier gives ties to the lowest label,
    so that at one label per class it predicts nearly at random, and fails in `predict` when k exceeds n.)

    Parameters
    ----------
    n_neighbors : int
    metric : {"euclidean", "cosine", "manhattan"}

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    """

    def __init__(self, n_neighbors: int = 5, metric: str = "euclidean") -> None:
        self.n_neighbors = n_neighbors
        self.metric = metric

    def fit(self, X: Any, y: Any) -> NearestNeighborsClassifier:
        """Keep `X` (n, d) and `y` (n,)."""
        X, y = validate_data(self, X, y, dtype=(np.float64, np.float32))
        self.classes_, self._codes = classes_and_codes(self, y, n_classes_min=1)
        k = min(self.n_neighbors, len(X))
        self._index = NearestNeighbors(n_neighbors=k, metric=self.metric, algorithm="brute").fit(X)
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Share of the votes, (n, n_classes); ties are broken by a share of less than 1e-6."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=(np.float64, np.float32), reset=False)
        neighbors = self._codes[self._index.kneighbors(X, return_distance=False)]  # (n, k), nearest first
        k = neighbors.shape[1]
        weights = 1 + 1e-6 * 0.5 ** np.arange(1, k + 1)  # a tie break: the nearest outweighs all the farther ones
        votes = np.zeros((len(X), len(self.classes_)))
        for place in range(k):
            votes[np.arange(len(X)), neighbors[:, place]] += weights[place]
        return votes / votes.sum(axis=1, keepdims=True)

    def predict(self, X: Any) -> np.ndarray:
        """The class with most votes."""
        best = self.predict_proba(X).argmax(axis=1)
        return self.classes_[best]


class NearestNeighborsRegressor(KNeighborsRegressor):
    """Mean of the k nearest labelled rows' targets; with fewer than k labelled rows, of all."""

    def predict(self, X: Any) -> np.ndarray:
        """The mean target, (n,)."""
        check_is_fitted(self)
        k = min(self.n_neighbors, self.n_samples_fit_)
        return self._y[self.kneighbors(X, k, return_distance=False)].mean(axis=1)
