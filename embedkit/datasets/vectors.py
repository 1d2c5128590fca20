"""Vectors from elsewhere: embeddings that somebody else's network made."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from embedkit.datasets.dataset import Dataset, from_columns, merge_duplicates
from embedkit.datasets.labels import read_rows
from embedkit.errors import EmbedkitError, counted


def vectors(
    progress: Callable[[int, int], None], task: str = "auto", *, path: str, labels: str, name: str | None = None
) -> Dataset:
    """vectors from a .npy file (n, d); labels from a CSV file, one line per row: label[,group][,split]"""
    del progress
    if not Path(path).is_file():
        raise EmbedkitError(f"no file {path!r}; vectors are a .npy file with one row per image")
    try:
        with Path(path).open("rb") as file:
            X = np.lib.format.read_array(file, allow_pickle=False)
    except Exception as error:  # numpy parses the header as Python, which raises many kinds where it is damaged
        raise EmbedkitError(f"cannot read {path!r}: {error}; vectors are a .npy file written by numpy.save") from None
    rows = read_rows(Path(labels), required=("label",))
    columns = {column: [row.get(column, "") for row in rows] for column in ("label", "group", "split")}
    return from_arrays(X, columns["label"], columns["group"], columns["split"], name or Path(path).stem, task)


def from_arrays(
    X: Any,
    labels: Sequence[str],
    groups: Sequence[str] | None,
    splits: Sequence[str] | None,
    name: str,
    task: str = "auto",
) -> Dataset:
    """A data set of vectors (n, d) with a label (text, empty for none), and maybe a group and a split, for each.

    Raises
    ------
    EmbedkitError
        Where the shapes do not fit, or a value is not a finite number.
    """
    try:
        X = np.asarray(X)
    except ValueError:
        raise EmbedkitError(f"{name}: vectors must all have the same length, one row per image") from None
    if X.ndim != 2 or X.shape[1] == 0 or not np.issubdtype(X.dtype, np.number) or np.iscomplexobj(X):
        raise EmbedkitError(
            f"{name}: vectors must be a numeric array of shape (n, d); it is {X.dtype} of shape {X.shape}"
        )
    if len(labels) != len(X):
        raise EmbedkitError(
            f"{name}: {counted(len(X), 'vector')} and {counted(len(labels), 'label')}; "
            "give one label (or an empty one) per row"
        )
    if groups is not None and len(groups) != len(X):
        raise EmbedkitError(
            f"{name}: {counted(len(X), 'vector')} and {counted(len(groups), 'group')}; "
            "give one group (or an empty one) per row"
        )
    with np.errstate(over="ignore"):
        X = np.ascontiguousarray(X, dtype=np.float32)
    bad = np.flatnonzero(~np.isfinite(X).all(axis=1))
    if len(bad):
        raise EmbedkitError(
            f"{name}: {counted(len(bad), 'vector holds', 'vectors hold')} NaN or infinity, as float32 "
            f"(first: row {bad[0]}); mend or remove them"
        )
    blank = np.zeros(len(X), dtype=np.int64)
    dataset = Dataset(
        name=name,
        recipe="vectors",
        ids=tuple(f"{i:07d}" for i in range(len(X))),
        labels=blank,
        classes=(),
        splits=blank.astype("<U5"),
        groups=blank,
        content=hashlib.sha256(repr(X.shape).encode() + X.astype("<f4").tobytes()).hexdigest(),
        image=lambda i: X[i],
        vectors=X,
    )
    labelled = from_columns(
        dataset, list(labels), list(groups) if groups else None, list(splits) if splits else None, task
    )
    return merge_duplicates(labelled, [hashlib.sha256(row.tobytes()).hexdigest() for row in X])
