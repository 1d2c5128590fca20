"""Images that come with scikit-learn."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Literal

import numpy as np

from embedkit.datasets.dataset import Dataset, from_columns, merge_duplicates


def bundled(progress: Callable[[int, int], None], *, name: Literal["digits"] = "digits") -> Dataset:
    """images that come with scikit-learn: digits, 1,797 scans of handwritten digits, 8x8 grey"""
    del progress
    from sklearn.datasets import load_digits

    digits = load_digits()
    images = np.round(digits.images * (255 / 16)).astype(np.uint8)[..., None]  # (1797, 8, 8, 1)
    blank = np.zeros(len(images), dtype=np.int64)
    dataset = Dataset(
        name=name,
        recipe=name,
        ids=tuple(f"{i:04d}" for i in range(len(images))),
        labels=blank,
        classes=(),
        splits=blank.astype("<U5"),
        groups=blank,
        content=hashlib.sha256(images.tobytes()).hexdigest(),
        image=lambda i: images[i],
        shape=(8, 8, 1),
    )
    labelled = from_columns(dataset, [str(label) for label in digits.target], None, None)
    names = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
    digests = [hashlib.sha256(image.tobytes()).hexdigest() for image in images]
    return merge_duplicates(replace(labelled, classes=names), digests)
