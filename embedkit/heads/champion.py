"""The best of several heads, by cross-validation on the labelled rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import check_random_state
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from embedkit.heads.finite import validate_rows
from embedkit.heads.head import Task
from embedkit.heads.pool import UNLABELLED, Pool
from embedkit.heads.problem import Problem, Rows, training_rows, uses_pool
from embedkit.heads.targets import classes_and_codes, classes_and_codes_of_labelled
from embedkit.spec import Spec, parse


class _Champion(BaseEstimator):
    """Fits the head that is clearly best on labelled rows that its fits did not see, else the first.

    Parameters
    ----------
    heads : tuple of str
        Specs. With fewer than 5 labels per class (25 for numbers) the first of them is taken. Where one of them uses
        the pool, -1 in `y` marks rows without a label, which the others leave out.
    tuned : bool
        Whether parameters that a spec leaves open are chosen too; otherwise they have their defaults.
    random_state : int, RandomState or None

    Attributes
    ----------
    best_head_ : str
    best_score_ : float or None
        Out of fold: balanced accuracy, or R2 for numbers; None where too few labels are there.
    best_estimator_ : estimator
    """

    def __init__(self, heads: tuple[str, ...] = ("ridge", "svm"), *, tuned: bool = True, random_state: Any = None):
        self.heads = heads
        self.tuned = tuned
        self.random_state = random_state

    def _spec(self) -> Spec:
        return Spec("best", (("heads", tuple(map(parse, self.heads))),))

    def _choose(self, X: np.ndarray, y: np.ndarray, n_classes: int) -> None:
        """Choose and fit on rows (m, d) and their targets (m,); class indices may be -1."""
        from embedkit.heads import HEADS, make_head
        from embedkit.selection import choose

        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        task: Task = "classification" if n_classes else "regression"
        (places,) = np.nonzero(y != UNLABELLED) if n_classes else (np.arange(len(y)),)
        rows = Rows(X[places], pool=Pool(lambda: X), places=places)
        problem = Problem(rows, np.arange(len(places)), y[places], task, n_classes, seed)
        choice = choose(self._spec(), problem, places, "cv" if self.tuned else "default")
        (head,) = choice.params["heads"]
        self.best_head_, self.best_score_ = str(head), choice.score
        self.best_estimator_ = make_head(head, seed, task).fit(
            *training_rows(HEADS[head.name], problem, dict(head.params))
        )


class ChampionClassifier(ClassifierMixin, _Champion):
    __doc__ = _Champion.__doc__

    def fit(self, X: Any, y: Any) -> ChampionClassifier:
        """Choose and fit on `X` (n, d) and `y` (n,)."""
        from embedkit.heads import HEADS

        X, y = validate_rows(self, X, y, dtype=(np.float64, np.float32))
        semi_supervised = uses_pool(HEADS["best"], dict(self._spec().params))
        self.classes_, codes = (classes_and_codes_of_labelled if semi_supervised else classes_and_codes)(self, y)
        self._choose(X, codes, len(self.classes_))
        return self

    def predict(self, X: Any) -> np.ndarray:
        """The class that the champion says."""
        check_is_fitted(self)
        X = validate_rows(self, X, dtype=(np.float64, np.float32), reset=False)
        return self.classes_[self.best_estimator_.predict(X)]

    @available_if(lambda self: hasattr(self.best_estimator_, "predict_proba"))
    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities, (n, n_classes), where the champion gives any."""
        check_is_fitted(self)
        X = validate_rows(self, X, dtype=(np.float64, np.float32), reset=False)
        return self.best_estimator_.predict_proba(X)


class ChampionRegressor(RegressorMixin, _Champion):
    __doc__ = _Champion.__doc__

    def fit(self, X: Any, y: Any) -> ChampionRegressor:
        """Choose and fit on `X` (n, d) and `y` (n,)."""
        X, y = validate_rows(self, X, y, dtype=(np.float64, np.float32), y_numeric=True)
        self._choose(X, y.astype(np.float64), 0)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """The number that the champion says."""
        check_is_fitted(self)
        X = validate_rows(self, X, dtype=(np.float64, np.float32), reset=False)
        return self.best_estimator_.predict(X)
