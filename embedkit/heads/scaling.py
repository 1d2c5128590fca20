"""Scalar scaling: centre, then divide by one number."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from embedkit.heads.finite import validate_rows

REACH_FEATURES = 512


class ScalarScaler(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Subtract the mean of the fitted rows and divide by one root mean square over all their features.

    Unlike a scaler per feature it is safe when fitted on a handful of rows, and distances keep their proportions.

    Parameters
    ----------
    rms_of : {"features", "rows", "reach"}
        What has a root mean square of 1 afterwards: the features, or the lengths of the rows. "reach": features of
        512 / d. A step of Adam moves every weight alike, and the output by the sum of all features; so that a learning
        rate that suits 512 features suits d.

    Attributes
    ----------
    mean_ : ndarray of shape (d,)
    scale_ : float
        1 where all rows are equal.
    """

    def __init__(self, rms_of: str = "features") -> None:
        self.rms_of = rms_of

    def fit(self, X: Any, y: Any = None) -> ScalarScaler:
        """Learn mean and scale of `X` (n, d)."""
        X = validate_rows(self, X, dtype=(np.float64, np.float32))
        self.mean_ = X.mean(axis=0, dtype=np.float64)
        rms = float(np.sqrt(np.mean((X - self.mean_) ** 2)))
        d = X.shape[1]
        unit = rms * {"features": 1, "rows": d**0.5, "reach": d / REACH_FEATURES}[self.rms_of]
        self.scale_ = unit if np.ptp(X, axis=0).any() else 1.0
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Return (X - mean) / scale, (n, d)."""
        check_is_fitted(self)
        X = validate_rows(self, X, dtype=(np.float64, np.float32), reset=False)
        return ((X - self.mean_) / self.scale_).astype(X.dtype)
