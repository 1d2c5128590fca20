"""Discriminant analysis that is safe from one label per class on: linear, and by the nearest mean."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.preprocessing import normalize
from sklearn.utils.extmath import softmax
from sklearn.utils.validation import check_is_fitted, validate_data

from embedkit.heads.covariance import class_means, helmert, times_inverse
from embedkit.heads.targets import classes_and_codes


class GaussianClassifier(ClassifierMixin, BaseEstimator):
    """What follows from log posteriors: a subclass has `_scores` (n, n_classes), up to a constant per row."""

    def decision_function(self, X: Any) -> np.ndarray:
        """Log posterior up to a constant per row, (n, n_classes); (n,) for two classes."""
        scores = self._scores(X)
        return scores[:, 1] - scores[:, 0] if len(self.classes_) == 2 else scores

    def predict_proba(self, X: Any) -> np.ndarray:
        """Posterior probabilities, (n, n_classes)."""
        return softmax(self._scores(X))

    def predict(self, X: Any) -> np.ndarray:
        """The class of highest posterior."""
        best = self._scores(X).argmax(axis=1)
        return self.classes_[best]


class ShrinkageDiscriminant(GaussianClassifier):
    """Linear discriminant analysis with one pooled covariance, shrunk towards a multiple of the identity.

    The covariance comes from the m = n - C independent contrasts within classes, and is shrunk by d / (m + d), as if d
    more had been seen that vary alike in every direction (the mean of an inverse-Wishart posterior). That was chosen on
    images carved from CIFAR-10's training set, where it beats the Ledoit-Wolf estimate at every number of labels.
    scikit-learn's `shrinkage="auto"` estimates class by class and collapses at two labels per class. At one label per
    class there are no contrasts, and this is the nearest class mean.

    Attributes
    ----------
    coef_ : ndarray of shape (n_classes, d)
    intercept_ : ndarray of shape (n_classes,)
    classes_ : ndarray of shape (n_classes,)
    shrinkage_ : float
        0 for the plain covariance, 1 for a multiple of the identity.
    """

    def __init__(self, shrinkage: float | None = None, uniform_priors: bool = False) -> None:
        self.shrinkage = shrinkage
        self.uniform_priors = uniform_priors

    def fit(self, X: Any, y: Any) -> ShrinkageDiscriminant:
        """Fit to `X` (n, d) and `y` (n,)."""
        X, y = validate_data(self, X, y, dtype=np.float64)
        self.classes_, codes = classes_and_codes(self, y)
        counts, means = np.bincount(codes), class_means(X, codes)
        contrasts = np.concatenate([helmert(X[codes == c]) for c in range(len(counts))])  # (n - C, d)
        m, d = contrasts.shape
        self.shrinkage_ = d / (m + d) if self.shrinkage is None else self.shrinkage
        variance = float(np.mean(contrasts**2)) if np.any(contrasts) else 1.0
        centre = X.mean(axis=0)
        scatter, identity = (1 - self.shrinkage_) / max(m, 1), self.shrinkage_ * variance
        self.coef_ = times_inverse(means - centre, contrasts, scatter, identity)  # (C, d)
        priors = np.zeros(len(counts)) if self.uniform_priors else np.log(counts / len(X))
        self.intercept_ = priors - 0.5 * np.sum((means - centre) * self.coef_, axis=1) - self.coef_ @ centre
        return self

    def _scores(self, X: Any) -> np.ndarray:
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        return X @ self.coef_.T + self.intercept_


class CentroidClassifier(ClassifierMixin, BaseEstimator):
    """The class of the nearest mean.

    Parameters
    ----------
    metric : {"euclidean", "cosine", "mahalanobis"}
        "cosine" compares directions: rows and class means are brought to unit length. "mahalanobis" measures by the
        shrunk covariance of :class:`ShrinkageDiscriminant`.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    discriminant_ : ShrinkageDiscriminant
        With uniform priors; its covariance is what turns distances into probabilities.
    """

    def __init__(self, metric: str = "euclidean") -> None:
        self.metric = metric

    def fit(self, X: Any, y: Any) -> CentroidClassifier:
        """Fit to `X` (n, d) and `y` (n,)."""
        if self.metric not in ("euclidean", "cosine", "mahalanobis"):
            raise ValueError(f"metric must be 'euclidean', 'cosine' or 'mahalanobis', got {self.metric!r}")
        X, y = validate_data(self, X, y, dtype=np.float64)
        self.classes_, codes = classes_and_codes(self, y)
        if self.metric == "cosine":
            X = normalize(X)
            means = class_means(X, codes)
            X = X + (normalize(means) - means)[codes]  # each class moved to where its mean has unit length
        shrinkage = None if self.metric == "mahalanobis" else 1.0
        self.discriminant_ = ShrinkageDiscriminant(shrinkage, uniform_priors=True).fit(X, codes)
        return self

    def decision_function(self, X: Any) -> np.ndarray:
        """Log posterior up to a constant per row, (n, n_classes); (n,) for two classes."""
        X = self._rows(X)
        return self.discriminant_.decision_function(X)

    def predict_proba(self, X: Any) -> np.ndarray:
        """Posterior probabilities, (n, n_classes)."""
        X = self._rows(X)
        return self.discriminant_.predict_proba(X)

    def predict(self, X: Any) -> np.ndarray:
        """The class whose mean is nearest."""
        X = self._rows(X)
        nearest = self.discriminant_.predict(X)
        return self.classes_[nearest]

    def _rows(self, X: Any) -> np.ndarray:
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        return normalize(X) if self.metric == "cosine" else X
