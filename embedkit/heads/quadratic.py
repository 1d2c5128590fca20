"""Quadratic discriminant analysis that is safe from one label per class on."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.linalg import cholesky, solve_triangular
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.extmath import softmax
from sklearn.utils.validation import check_is_fitted, validate_data

from embedkit.heads.covariance import class_means, helmert, principal_axes
from embedkit.heads.targets import classes_and_codes


class QuadraticDiscriminant(ClassifierMixin, BaseEstimator):
    """Regularised discriminant analysis (Friedman 1989): each class's covariance is shrunk twice.

    First towards the pooled one: the class's own counts by m_c / (m_c + 5 d), m_c = n_c - 1. Then both towards a
    multiple of the identity by d / (m + d), m = n - C, as in
    :class:`~embedkit.heads.discriminant.ShrinkageDiscriminant`. With many labels this is quadratic discriminant
    analysis, with few a linear one, and at one label per class the nearest class mean. The 5 was chosen on images
    carved from CIFAR-10's training set, up to 300 per class; a smaller one falls behind the linear one there.

    With n < d all work is done in the span of the rows, since outside it all classes vary alike; the covariances of
    classes are kept as the pooled one and a change of rank m_c.

    Parameters
    ----------
    own_share : float in [0, 1] or None
        How much each class's own covariance counts against the pooled one; None: by its number of labels.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    own_shares_ : ndarray of shape (n_classes,)
    shrinkage_ : float
        0 for no share of the identity, 1 for the identity alone.
    """

    def __init__(self, own_share: float | None = None) -> None:
        self.own_share = own_share

    def fit(self, X: Any, y: Any) -> QuadraticDiscriminant:
        """Fit to `X` (n, d) and `y` (n,)."""
        X, y = validate_data(self, X, y, dtype=np.float64)
        self.classes_, codes = classes_and_codes(self, y)
        (n, d), counts = X.shape, np.bincount(codes)
        self._centre = X.mean(axis=0)
        X = X - self._centre
        contrasts = [helmert(X[codes == c]) for c in range(len(counts))]  # C times (m_c, d)
        pooled, self._axes = principal_axes(np.concatenate(contrasts), X)  # (r,), (d, r), r = min(n, d)
        degrees = counts - 1
        m = degrees.sum()
        self.shrinkage_ = d / (m + d)
        self.own_shares_ = (
            degrees / (degrees + 5 * d) if self.own_share is None else np.where(degrees, self.own_share, 0.0)
        )
        identity = self.shrinkage_ * (pooled.sum() / d or 1.0)
        self._means = class_means(X, codes) @ self._axes
        kept = (1 - self.shrinkage_) * (1 - self.own_shares_[:, None])
        self._variances = kept * pooled + identity  # (C, r): of what is shared, along the axes
        own = (1 - self.shrinkage_) * self.own_shares_ / np.maximum(degrees, 1)
        self._factors = [
            np.sqrt(weight) * np.linalg.qr(rows @ self._axes, mode="r") / np.sqrt(variances)  # (min(m_c, r), r)
            for weight, rows, variances in zip(own, contrasts, self._variances, strict=True)
        ]
        self._roots = [cholesky(np.eye(len(f)) + f @ f.T, lower=True) for f in self._factors]
        log_determinants = np.log(self._variances).sum(axis=1) + [2 * np.log(np.diag(r)).sum() for r in self._roots]
        self._offsets = np.log(counts / n) - 0.5 * log_determinants
        return self

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

    def _scores(self, X: Any) -> np.ndarray:
        check_is_fitted(self)
        X = (validate_data(self, X, dtype=np.float64, reset=False) - self._centre) @ self._axes
        return np.stack([self._log_joint(X, c) for c in range(len(self.classes_))], axis=1)

    def _log_joint(self, X: np.ndarray, c: int) -> np.ndarray:
        """By Woodbury's identity: (I + F'F)^-1 = I - F'(I + FF')^-1 F."""
        z = (X - self._means[c]) / np.sqrt(self._variances[c])  # (n, r)
        own = solve_triangular(self._roots[c], self._factors[c] @ z.T, lower=True)  # (min(m_c, r), n)
        return self._offsets[c] - 0.5 * (np.sum(z**2, axis=1) - np.sum(own**2, axis=0))
