"""Heads made of trees."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from embedkit.heads.targets import classes_and_codes


class XGBoostClassifier(ClassifierMixin, BaseEstimator):
    """Gradient-boosted trees by xgboost, for labels of any kind and as few as one per class.

    ``min_child_weight`` is 0: with xgboost's default of 1 no leaf is heavy enough to be split off at one label per
    class, and one class is predicted for all.

    Parameters
    ----------
    n_estimators, max_depth : int
    learning_rate, reg_lambda, subsample : float
    colsample_bytree : float or "sqrt"
        Share of the features that each tree may use; "sqrt": as many as the square root of their number.
    random_state : int, RandomState or None

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    booster_ : xgboost.XGBClassifier
    """

    def __init__(
        self,
        n_estimators: int = 100,
        *,
        max_depth: int = 6,
        learning_rate: float = 0.3,
        reg_lambda: float = 1.0,
        colsample_bytree: float | str = 1.0,
        subsample: float = 1.0,
        random_state: Any = None,
    ) -> None:
        self.n_estimators = n_estimators
        self.max_depth = max_depth
        self.learning_rate = learning_rate
        self.reg_lambda = reg_lambda
        self.colsample_bytree = colsample_bytree
        self.subsample = subsample
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> XGBoostClassifier:
        """Fit to `X` (n, d) and `y` (n,), on one thread."""
        import xgboost

        X, y = validate_data(self, X, y, dtype=np.float32)
        self.classes_, codes = classes_and_codes(self, y)
        drawn = {"random_state": int(check_random_state(self.random_state).randint(2**31 - 1))}
        if self.colsample_bytree == "sqrt":
            drawn["colsample_bytree"] = X.shape[1] ** -0.5
        self.booster_ = xgboost.XGBClassifier(
            **self.get_params() | drawn,
            min_child_weight=0,
            max_bin=64,
            tree_method="hist",
            n_jobs=1,
        ).fit(X, codes)
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities, (n, n_classes)."""
        check_is_fitted(self)
        return self.booster_.predict_proba(validate_data(self, X, dtype=np.float32, reset=False))

    def predict(self, X: Any) -> np.ndarray:
        """The most probable class."""
        best = self.predict_proba(X).argmax(axis=1)
        return self.classes_[best]
