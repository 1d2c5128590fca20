"""Labels of any kind as class indices, and numbers as standardised ones."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.multiclass import check_classification_targets

from embedkit.heads.pool import UNLABELLED


def classes_and_codes(head: Any, y: np.ndarray, n_classes_min: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """The distinct labels in order, (n_classes,), and the index of each label among them, (n,).

    Raises
    ------
    ValueError
        Where `y` is no classification target, or holds fewer classes than the head needs.
    """
    check_classification_targets(y)
    classes, codes = np.unique(y, return_inverse=True)
    if len(classes) < n_classes_min:
        raise ValueError(f"{type(head).__name__} needs at least {n_classes_min} classes; y holds one class")
    return classes, codes


def classes_and_codes_of_labelled(head: Any, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The distinct labels but -1, which marks rows without one, and the index of each row's label, -1 for none.

    Raises
    ------
    ValueError
        As `classes_and_codes` says, of the labelled rows.
    """
    check_classification_targets(y)
    labelled = np.full(len(y), True) if y.dtype.kind in "US" else np.asarray(y != UNLABELLED)
    classes, of_labelled = classes_and_codes(head, y[labelled])
    codes = np.full(len(y), UNLABELLED)
    codes[labelled] = of_labelled
    return classes, codes


def standardised(y: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Targets (n,) as float64 of mean 0 and standard deviation 1, and the mean and scale they had.

    Equal targets become zeros, of scale 0, so that whatever is made of zeros, the mean is predicted.
    """
    y = y.astype(np.float64)
    mean = float(y.mean())
    scale = float(y.std()) if np.ptp(y) else 0.0
    return (y - mean) / (scale or 1.0), mean, scale
