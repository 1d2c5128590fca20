"""Naive Bayes that stands rows which are all equal."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.naive_bayes import GaussianNB


class GaussianNaiveBayes(GaussianNB):
    """scikit-learn's Gaussian naive Bayes, with variances above zero even where no feature varies."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> GaussianNaiveBayes:
        """Fit to `X` (n, d) and `y` (n,)."""
        super().fit(X, y, sample_weight)
        np.maximum(self.var_, 1e-30, out=self.var_)
        return self
