"""Images that come with scikit-learn."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Literal

import numpy as np

from embedkit.datasets.dataset import Dataset, from_columns, merge_duplicates

TEST_SHARE = 0.2
DEGREES_MAX = 45
SIDE, ZOOM = 16, 1.4
"""Of rotated digits, in pixels: 8x8 pixels, 1.4 times as large, stay inside 16x16 at every angle."""


def bundled(
    progress: Callable[[int, int], None], task: str = "auto", *, name: Literal["digits", "rotated_digits"] = "digits"
) -> Dataset:
    """images that come with scikit-learn: 1,797 scans of digits; rotated_digits: turned by known angles"""
    del progress, task
    from sklearn.datasets import load_digits

    digits = load_digits()
    scans = np.round(digits.images * (255 / 16)).astype(np.uint8)  # (1797, 8, 8)
    ids = [f"{i:04d}" for i in range(len(scans))]
    originals = [hashlib.sha256(scan.tobytes()).hexdigest() for scan in scans]
    if name == "rotated_digits":
        angles = [round((2 * _chance("angle", i) - 1) * DEGREES_MAX, 2) for i in ids]
        splits = ["test" if _chance("split", i) < TEST_SHARE else "train" for i in ids]
        turned = np.stack([rotated(scan, angle, SIDE, ZOOM) for scan, angle in zip(scans, angles, strict=True)])
        dataset = from_columns(_dataset(name, ids, turned), list(map(str, angles)), None, splits, "regression")
        return merge_duplicates(dataset, originals)
    labels = [str(label) for label in digits.target]
    dataset = from_columns(_dataset(name, ids, scans), labels, None, None, "classification")
    names = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
    return merge_duplicates(replace(dataset, classes=names), originals)


def _dataset(name: str, ids: list[str], images: np.ndarray) -> Dataset:
    """Images (n, side, side) uint8, not yet labelled."""
    images = images[..., None]
    blank = np.zeros(len(images), dtype=np.int64)
    return Dataset(
        name=name,
        recipe=name,
        ids=tuple(ids),
        labels=blank,
        classes=(),
        splits=blank.astype("<U5"),
        groups=blank,
        content=hashlib.sha256(images.tobytes()).hexdigest(),
        image=lambda i: images[i],
        shape=(*images.shape[1:3], 1),
    )


def _chance(what: str, image_id: str) -> float:
    """A number in [0, 1) that depends on its arguments only."""
    digest = hashlib.sha256(f"rotated_digits\0{what}\0{image_id}".encode()).digest()
    return int.from_bytes(digest[:4], "big") / 2**32


def rotated(image: np.ndarray, degrees: float, side: int, zoom: float) -> np.ndarray:
    """An image (h, w) uint8 turned counterclockwise and enlarged, in the middle of (side, side) uint8; black around it.

    Each pixel is looked up where it came from, between its four neighbours (bilinear).
    """
    h, w = image.shape
    padded = np.pad(image.astype(np.float64), 1)
    y, x = (np.mgrid[:side, :side] - (side - 1) / 2) / zoom  # from the centre, y downwards
    cos, sin = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    from_x = np.clip(cos * x - sin * y + (w - 1) / 2 + 1, 0, w + 1)
    from_y = np.clip(sin * x + cos * y + (h - 1) / 2 + 1, 0, h + 1)
    left, top = np.minimum(from_x.astype(int), w), np.minimum(from_y.astype(int), h)
    right_part, lower_part = from_x - left, from_y - top
    upper = (1 - right_part) * padded[top, left] + right_part * padded[top, left + 1]
    lower = (1 - right_part) * padded[top + 1, left] + right_part * padded[top + 1, left + 1]
    return np.rint((1 - lower_part) * upper + lower_part * lower).astype(np.uint8)
