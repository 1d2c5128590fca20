"""Rows without NaN and infinity, or an error that names the first that holds one."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils import check_array
from sklearn.utils.validation import validate_data


def check_finite(X: np.ndarray) -> None:
    """Raise an error that names the first row of `X` (n, d) with NaN or infinity.

    Raises
    ------
    ValueError
    """
    finite = np.isfinite(X)
    if not finite.all():
        bad = np.flatnonzero(~finite.all(axis=1))
        raise ValueError(f"{len(bad)} of {len(X)} rows hold NaN or infinity as {X.dtype} (first: row {bad[0]})")


def validate_rows(head: Any, X: Any, y: Any = "no_validation", **how: Any) -> Any:
    """scikit-learn's `validate_data`, but for the error that rows with NaN or infinity end in."""
    validated = validate_data(head, X, y, ensure_all_finite=False, **how)
    check_finite(validated if isinstance(validated, np.ndarray) else validated[0])
    return validated


class FiniteRows:
    """For estimators of scikit-learn that would take NaN for a missing value: dense rows of finite numbers only."""

    def fit(self, X: Any, y: Any) -> Any:
        """Fit to `X` (n, d) and `y` (n,)."""
        _check_dense(X)
        return super().fit(X, y)  # type: ignore[misc]

    def predict(self, X: Any) -> np.ndarray:
        """The class or number of each row, (n,)."""
        _check_dense(X)
        return super().predict(X)  # type: ignore[misc]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()  # type: ignore[misc]
        tags.input_tags.allow_nan = tags.input_tags.sparse = False
        return tags


class FiniteRowsClassifier(FiniteRows):
    """The same for probabilities too."""

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities, (n, n_classes)."""
        _check_dense(X)
        return super().predict_proba(X)  # type: ignore[misc]


def _check_dense(X: Any) -> None:
    with np.errstate(over="ignore"):
        check_finite(check_array(X, dtype=np.float32, ensure_all_finite=False))
