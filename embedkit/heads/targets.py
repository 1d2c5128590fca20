"""Labels of any kind as class indices."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.multiclass import check_classification_targets


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
