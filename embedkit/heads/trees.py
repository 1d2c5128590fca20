"""Heads made of trees."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from embedkit.heads.finite import validate_rows
from embedkit.heads.targets import classes_and_codes, standardised


class _XGBoost(BaseEstimator):
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

    def __getstate__(self) -> dict[str, Any]:
        """Copies and files hold the trees in xgboost's own format."""
        state = {**super().__getstate__()}
        if "booster_" in state:
            state["booster_"] = np.frombuffer(state["booster_"].get_booster().save_raw("ubj"), dtype=np.uint8)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        import xgboost

        super().__setstate__(state)
        if "booster_" in state:
            kind = xgboost.XGBClassifier if isinstance(self, ClassifierMixin) else xgboost.XGBRegressor
            self.booster_ = kind(n_jobs=1)
            self.booster_.load_model(bytearray(state["booster_"].tobytes()))


class XGBoostClassifier(ClassifierMixin, _XGBoost):
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

    def fit(self, X: Any, y: Any) -> XGBoostClassifier:
        """Fit to `X` (n, d) and `y` (n,), on one thread."""
        import xgboost

        X, y = validate_rows(self, X, y, dtype=np.float32)
        self.classes_, codes = classes_and_codes(self, y)
        self.booster_ = xgboost.XGBClassifier(**_parameters(self, X.shape[1])).fit(X, codes)
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities, (n, n_classes)."""
        check_is_fitted(self)
        return self.booster_.predict_proba(validate_rows(self, X, dtype=np.float32, reset=False))

    def staged_predict_proba(self, X: Any, stages: Sequence[int]) -> Iterator[np.ndarray]:
        """Probabilities after each of the given numbers of trees per class, as if no more had been fitted."""
        check_is_fitted(self)
        X = validate_rows(self, X, dtype=np.float32, reset=False)
        for n_estimators in _checked(stages, self.n_estimators):
            yield self.booster_.predict_proba(X, iteration_range=(0, n_estimators))

    def predict(self, X: Any) -> np.ndarray:
        """The most probable class."""
        best = self.predict_proba(X).argmax(axis=1)
        return self.classes_[best]


class XGBoostRegressor(RegressorMixin, _XGBoost):
    """Gradient-boosted trees by xgboost for numbers, with the squared error.

    The first prediction is the mean of the targets. They are standardised inside `fit`, since xgboost reckons in single
    precision.

    Parameters
    ----------
    n_estimators, max_depth, learning_rate, reg_lambda, subsample, colsample_bytree, random_state
        As in :class:`XGBoostClassifier`.

    Attributes
    ----------
    booster_ : xgboost.XGBRegressor
        Of the standardised targets.
    """

    def fit(self, X: Any, y: Any) -> XGBoostRegressor:
        """Fit to `X` (n, d) and `y` (n,), on one thread."""
        import xgboost

        X, y = validate_rows(self, X, y, dtype=np.float32, y_numeric=True)
        targets, self._mean, self._scale = standardised(y)
        self.booster_ = xgboost.XGBRegressor(**_parameters(self, X.shape[1]), base_score=0.0).fit(X, targets)
        return self

    def staged_predict(self, X: Any, stages: Sequence[int]) -> Iterator[np.ndarray]:
        """Predicted targets after each of the given numbers of trees, as if no more had been fitted."""
        check_is_fitted(self)
        X = validate_rows(self, X, dtype=np.float32, reset=False)
        for n_estimators in _checked(stages, self.n_estimators):
            standard = self.booster_.predict(X, iteration_range=(0, n_estimators))
            yield self._mean + self._scale * standard.astype(np.float64)

    def predict(self, X: Any) -> np.ndarray:
        """Predicted targets, (n,) float64."""
        return next(self.staged_predict(X, [self.n_estimators]))


def _parameters(head: Any, n_features: int) -> dict[str, Any]:
    """What xgboost is told: the head's parameters, and what suits few labels and one thread."""
    colsample = n_features**-0.5 if head.colsample_bytree == "sqrt" else head.colsample_bytree
    return head.get_params() | {
        "colsample_bytree": colsample,
        "random_state": int(check_random_state(head.random_state).randint(2**31 - 1)),
        "min_child_weight": 0,
        "max_bin": 64,
        "tree_method": "hist",
        "n_jobs": 1,
    }


def _checked(stages: Sequence[int], n_estimators: int) -> Sequence[int]:
    """The stages, if the fit has them; xgboost takes 0 for all trees."""
    if not all(1 <= stage <= n_estimators for stage in stages):
        raise ValueError(f"stages must lie between 1 and the {n_estimators} trees of the fit, got {list(stages)}")
    return stages
