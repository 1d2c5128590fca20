"""Self-training: a head that learns from its own confident predictions for the pool."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn import semi_supervised
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone
from sklearn.linear_model import LogisticRegression
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from embedkit.heads.finite import validate_rows
from embedkit.heads.targets import classes_and_codes_of_labelled

MAX_ITER = 2000


class SelfTrainingClassifier(MetaEstimatorMixin, ClassifierMixin, BaseEstimator):
    """scikit-learn's self-training (Yarowsky 1995), for labels of any kind and on a bounded part of a large pool.

    In each round the estimator is fitted anew, and where it is confident its predictions are taken for labels.

    Parameters
    ----------
    estimator : classifier with `predict_proba`, or None
        None: logistic regression.
    threshold : float
        Confidence from which on a prediction is taken for a label, below 1.
    max_iter : int
        Rounds at most.
    pool_max : int
        Of more unlabelled rows than this, so many are drawn.
    random_state : int, RandomState or None
        Draws them.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Without the -1 of unlabelled rows.
    estimator_ : classifier
        Of the last round, for class indices.
    n_iter_ : int
        Rounds.
    """

    def __init__(
        self,
        estimator: Any = None,
        *,
        threshold: float = 0.75,
        max_iter: int = 10,
        pool_max: int = 10_000,
        random_state: Any = None,
    ) -> None:
        self.estimator = estimator
        self.threshold = threshold
        self.max_iter = max_iter
        self.pool_max = pool_max
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> SelfTrainingClassifier:
        """Fit to `X` (n, d) and `y` (n,), where -1 marks rows without a label."""
        X, y = validate_rows(self, X, y, dtype=(np.float64, np.float32))
        self.classes_, codes = classes_and_codes_of_labelled(self, y)
        estimator = LogisticRegression(max_iter=MAX_ITER) if self.estimator is None else clone(self.estimator)
        (unlabelled,) = np.nonzero(codes < 0)
        if len(unlabelled) == 0:
            self.estimator_, self.n_iter_ = estimator.fit(X, codes), 1
            return self
        if len(unlabelled) > self.pool_max:
            rng = check_random_state(self.random_state)
            unlabelled = np.sort(rng.choice(unlabelled, self.pool_max, replace=False))
        used = np.concatenate([np.flatnonzero(codes >= 0), unlabelled])
        training = semi_supervised.SelfTrainingClassifier(estimator, threshold=self.threshold, max_iter=self.max_iter)
        training.fit(X[used], codes[used])
        self.estimator_, self.n_iter_ = training.estimator_, training.n_iter_
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities by the estimator of the last round, (n, n_classes)."""
        check_is_fitted(self)
        return self.estimator_.predict_proba(validate_rows(self, X, dtype=(np.float64, np.float32), reset=False))

    def predict(self, X: Any) -> np.ndarray:
        """The most probable class."""
        best = self.predict_proba(X).argmax(axis=1)
        return self.classes_[best]
