"""Arrays in a .npz file: images or vectors, and their labels; no pickle is ever loaded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from embedkit.datasets.dataset import Dataset
from embedkit.datasets.npz_members import read_members
from embedkit.datasets.readable import readable_arrays
from embedkit.datasets.vectors import from_arrays
from embedkit.errors import EmbedkitError

_PARTS = {
    "": (("X", "x", "images"), ("y", "labels")),
    "train": (("x_train", "X_train", "train_images"), ("y_train", "train_labels")),
    "validation": (("x_val", "X_val", "val_images"), ("y_val", "val_labels")),
    "test": (("x_test", "X_test", "test_images"), ("y_test", "test_labels")),
}
"""By split, the names that its images (or vectors) and its labels may have; MedMNIST has the last ones."""

_NEEDED = (
    "embedkit reads X (or images) and y (or labels), or x_train, y_train, x_test and y_test, "
    "and maybe groups and splits"
)


def npz(progress: Callable[[int, int], None], task: str = "auto", *, path: str, name: str | None = None) -> Dataset:
    """arrays in a .npz file: X or images, y or labels, maybe splits and groups; or x_train, y_train, x_test, y_test

    Images are uint8 of shape (n, h, w) or (n, h, w, c); anything else of shape (n, d) is vectors. A label is none where
    it is empty, NaN, or, for classes, -1. Large arrays of images are mapped from a file; vectors are held in memory.
    """
    name = name or Path(path).stem
    arrays = _arrays(path)
    parts = {split: part for split, names in _PARTS.items() if (part := _part(path, arrays, *names))}
    if not parts or (len(parts) > 1 and "" in parts):
        raise EmbedkitError(f"{path!r} holds {_described(arrays)}; {_NEEDED}")
    shapes = {X.shape[1:] for X, _ in parts.values()}
    if len(shapes) > 1:
        raise EmbedkitError(f"{path!r} holds {_described(arrays)}; all images must be of one shape")
    all_X = [X for X, _ in parts.values()]
    n = sum(map(len, all_X))
    labels = [text for _, y in parts.values() for text in _as_text(y, none_is_minus_one=task != "regression")]
    splits = [split for split, (X_part, _) in parts.items() for _ in range(len(X_part))]
    columns = {"groups": [""] * n, "splits": splits}
    for column in columns:
        if column in arrays:
            columns[column] = _as_text(_checked(path, column, arrays[column], n))
    if all_X[0].ndim == 2:
        return from_arrays(np.concatenate(all_X), labels, columns["groups"], columns["splits"], name, task)
    ids = [f"{split}/{i:07d}" if split else f"{i:07d}" for i, split in enumerate(splits)]
    placed = list(zip(labels, columns["groups"], columns["splits"], strict=True))
    return readable_arrays(name, "npz", ids, all_X, progress, placed, task)


def _arrays(path: str) -> dict[str, np.ndarray]:
    try:
        return read_members(path)
    except EmbedkitError:
        raise
    except Exception as error:  # zip files that are damaged raise many kinds
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise EmbedkitError(f"cannot read {path!r}: {reason}; arrays are a .npz file written by numpy.savez") from None


def _part(
    path: str, arrays: dict[str, np.ndarray], images: tuple[str, ...], labels: tuple[str, ...]
) -> tuple[np.ndarray, np.ndarray] | None:
    """The images (or vectors) and labels of one split, where they are there."""
    found = [array for array in images if array in arrays]
    if not found:
        return None
    X = arrays[found[0]]
    pictures = X.dtype == np.uint8 and (X.ndim == 3 or (X.ndim == 4 and X.shape[3] in (1, 3)))
    if not X.size or not (pictures or X.ndim == 2):
        raise EmbedkitError(
            f"{path!r}: {found[0]} is {X.dtype} of shape {X.shape}; images are uint8 of shape (n, h, w) or "
            "(n, h, w, c) with 1 or 3 channels, vectors are numbers of shape (n, d)"
        )
    named = [array for array in labels if array in arrays]
    if not named:
        raise EmbedkitError(f"{path!r} holds {_described(arrays)} and no labels for {found[0]}; {_NEEDED}")
    return X, _checked(path, named[0], arrays[named[0]], len(X))


def _checked(path: str, name: str, values: np.ndarray, n: int) -> np.ndarray:
    """One value for each image."""
    flat = values[:, 0] if values.ndim == 2 and values.shape[1] == 1 else values
    if flat.shape != (n,) or flat.dtype.kind not in "iufbUS":
        raise EmbedkitError(
            f"{path!r}: {name} is {values.dtype} of shape {values.shape}; "
            f"it must be text or numbers, one for each of {n} images or vectors"
        )
    return flat


def _as_text(values: np.ndarray, none_is_minus_one: bool = False) -> list[str]:
    """Text for each value, empty where there is none."""
    if values.dtype.kind == "S":
        values = np.char.decode(values, "utf-8", "replace")
    missing = np.isnan(values) if values.dtype.kind == "f" else np.zeros(len(values), dtype=bool)
    if none_is_minus_one and values.dtype.kind == "i":
        missing = values == -1
    return ["" if gone else str(value) for value, gone in zip(values.tolist(), missing, strict=True)]


def _described(arrays: dict[str, Any]) -> str:
    return ", ".join(f"{name} ({array.dtype} {array.shape})" for name, array in arrays.items()) or "nothing"
