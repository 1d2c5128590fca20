"""Labels as text: names of classes, or numbers to predict."""

from __future__ import annotations

import math

import numpy as np

from embedkit.errors import EmbedkitError

FLOAT32_MAX = float(np.finfo(np.float32).max)


def task_of(labels: list[str]) -> str:
    """What labels (empty for none) mean: regression where most are numbers and one of these is not whole.

    So a slip among numbers is told by `read_targets`, and does not make each of them a class.
    """
    number = {label: _number(label) for label in set(labels)}
    numbers = [number[label] for label in labels if label]
    finite = [value for value in numbers if math.isfinite(value)]
    mostly = len(finite) > len(numbers) / 2
    return "regression" if mostly and any(not value.is_integer() for value in finite) else "classification"


def are_whole_numbers(labels: list[str]) -> bool:
    """Whether all labels (empty for none) are whole numbers."""
    return all(_number(label).is_integer() for label in set(labels) if label)


def read_targets(name: str, ids: tuple[str, ...], labels: list[str]) -> np.ndarray:
    """Labels as float64 of shape (n,), NaN where a label is empty.

    Raises
    ------
    EmbedkitError
        Where a label is no finite number, or all are equal.
    """
    targets = np.array([_number(label) for label in labels])
    for image, label, target in zip(ids, labels, targets, strict=True):
        if label and math.isnan(target):
            raise EmbedkitError(
                f"{name}: the label {label!r} of {image!r} is no finite number; mend it, leave it empty, "
                "or use --task classification"
            )
    found = np.unique(targets[~np.isnan(targets)])
    if len(found) == 1:
        raise EmbedkitError(f"{name}: all labels are one number, {found[0]:g}; predicting numbers takes two")
    return targets


def _number(label: str) -> float:
    """The number that a label is, NaN where it is none or does not fit into float32."""
    try:
        value = float(label) if "_" not in label else math.nan
    except ValueError:
        return math.nan
    return value if abs(value) <= FLOAT32_MAX else math.nan
