"""Scalar scaling: centre, then divide by one number."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data


class ScalarScaler(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Subtract the mean of the fitted rows and divide by one root mean square over all their features.

    Unlike a scaler per feature it is safe when fitted on a handful of rows, and distances keep their proportions.

    Attributes
    ----------
    mean_ : ndarray of shape (d,)
    scale_ : float
        1 where all rows are equal.
    """

    def fit(self, X: Any, y: Any = None) -> ScalarScaler:
        """Learn mean and scale of `X` (n, d)."""
        X = validate_data(self, X, dtype=(np.float64, np.float32))
        self.mean_ = X.mean(axis=0, dtype=np.float64)
        rms = float(np.sqrt(np.mean((X - self.mean_) ** 2)))
        self.scale_ = rms if rms > 0 else 1.0
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Return (X - mean) / scale, (n, d)."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=(np.float64, np.float32), reset=False)
        return ((X - self.mean_) / self.scale_).astype(X.dtype)
