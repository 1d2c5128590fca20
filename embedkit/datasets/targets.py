"""Labels as text: names of classes, or numbers to be predicted."""

from __future__ import annotations

import math

import numpy as np

from embedkit.errors import EmbedkitError

TASKS = ("classification", "regression")
FLOAT32_MAX = float(np.finfo(np.float32).max)


def task_of(labels: list[str]) -> str:
    """What labels (empty for none) mean: regression where all are numbers and at least one is not whole."""
    numbers = [number(label) for label in labels if label]
    return "regression" if all(map(math.isfinite, numbers)) and any(x % 1 for x in numbers) else "classification"


def are_whole_numbers(labels: list[str]) -> bool:
    """Whether all labels (empty for none) are whole numbers."""
    return all(number(label) % 1 == 0 for label in labels if label)


def number(label: str) -> float:
    """The number that a label is, NaN where it is none or does not fit into float32."""
    try:
        value = float(label) if "_" not in label else math.nan
    except ValueError:
        return math.nan
    return value if abs(value) <= FLOAT32_MAX else math.nan


def read_targets(name: str, ids: tuple[str, ...], labels: list[str]) -> np.ndarray:
    """Labels as float64 of shape (n,), NaN where a label is empty.

    Raises
    ------
    EmbedkitError
        Where a label is no finite number, or all are equal.
    """
    targets = np.array([number(label) if label else math.nan for label in labels])
    for image, label, target in zip(ids, labels, targets, strict=True):
        if label and math.isnan(target):
            raise EmbedkitError(
                f"{name}: the label {label!r} of {image!r} is no finite number; mend it, leave it empty, "
                "or use --task classification"
            )
    if len(np.unique(targets[~np.isnan(targets)])) == 1:
        raise EmbedkitError(f"{name}: all labels are one number, {np.nanmax(targets):g}; predicting takes two")
    return targets
