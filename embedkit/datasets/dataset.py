"""Dataset: images (or vectors) with ids, labels, splits and groups."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from embedkit.errors import EmbedkitError, listing

UNLABELLED = -1


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images or vectors of one task, all arrays of length n and in one order.

    Attributes
    ----------
    name : str
        As shown in tables.
    recipe : str
        The canonical spec without locations; salts the label draws, so that a moved folder is drawn alike.
    ids : tuple of str
        One per image, unique, independent of where the data lie.
    labels : ndarray of int64
        Index into `classes`, or -1 where there is no label.
    splits : ndarray of str
        ``"train"``, ``"test"``, or ``""`` where the data set does not say.
    groups : ndarray of int64
        Images of one group never sit on both sides of a split; exact duplicates are one group.
    content : str
        sha256 of ids and image bytes: what embeddings are keyed by.
    image : callable
        ``image(i)`` is the i-th image, (H, W, C) uint8 with C = 1 or 3, decoded when asked for; or the i-th vector.
    shape : tuple of int or None
        (H, W, C) where all images share it.
    vectors : ndarray of float32, shape (n, d), or None
        In place of images.
    unreadable : tuple of (str, str)
        Path and reason for each image that was left out.
    notices : tuple of str
        What the user should know about how the data were read.
    """

    name: str
    recipe: str
    ids: tuple[str, ...]
    labels: np.ndarray
    classes: tuple[str, ...]
    splits: np.ndarray
    groups: np.ndarray
    content: str
    image: Callable[[int], np.ndarray] = field(repr=False)
    shape: tuple[int, int, int] | None = None
    vectors: np.ndarray | None = field(default=None, repr=False)
    unreadable: tuple[tuple[str, str], ...] = ()
    notices: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def fingerprint(self) -> str:
        """sha256 of everything that a trial depends on: content, labels, splits and groups."""
        parts = [self.recipe, self.content, list(self.classes)]
        digest = hashlib.sha256(json.dumps(parts).encode())
        for array in (self.labels, self.groups):
            digest.update(array.astype("<i8").tobytes())
        digest.update("\n".join(self.splits).encode())
        return digest.hexdigest()


def from_columns(dataset: Dataset, labels: list[str], groups: list[str] | None, splits: list[str] | None) -> Dataset:
    """Fill in labels, groups and splits given as text, where an empty label means the unlabelled pool.

    Raises
    ------
    EmbedkitError
        Where nothing is labelled, one class is all there is, or a split is neither train, validation nor test.
    """
    classes = tuple(sorted({label for label in labels if label}))
    if not classes:
        what = "images" if dataset.vectors is None else "vectors"
        raise EmbedkitError(
            f"{dataset.name}: none of its {len(dataset)} {what} has a label; "
            "label some (images: in one folder per class, or by --labels labels.csv with the columns path,label)"
        )
    if len(classes) == 1:
        raise EmbedkitError(
            f"{dataset.name}: all labelled images are of one class, {classes[0]!r}; telling classes apart takes two"
        )
    index = {name: number for number, name in enumerate(classes)} | {"": UNLABELLED}
    coded = np.array([index[label] for label in labels], dtype=np.int64)
    placed = [_SPLITS.get(split.lower(), "?") for split in splits] if splits else [""] * len(labels)
    if "?" in placed and splits:
        wrong = splits[placed.index("?")]
        raise EmbedkitError(
            f"{dataset.name}: unknown split {wrong!r}; splits are train, validation (joins train) and test"
        )
    keys = [group or f"\0{i}" for i, group in enumerate(groups)] if groups else [f"\0{i}" for i in range(len(labels))]
    number = {key: i for i, key in enumerate(dict.fromkeys(keys))}
    grouped = np.array([number[key] for key in keys], dtype=np.int64)
    split_array = np.array(placed, dtype="<U5")
    if groups:
        _check_groups_stay_on_one_side(dataset.name, keys, split_array)
    return replace(dataset, labels=coded, classes=classes, splits=split_array, groups=grouped)


_SPLITS = {"": "", "train": "train", "validation": "train", "val": "train", "valid": "train", "test": "test"}


def _check_groups_stay_on_one_side(name: str, keys: list[str], splits: np.ndarray) -> None:
    tested = {key for key, split in zip(keys, splits, strict=True) if split == "test"}
    crossing = sorted({key for key, split in zip(keys, splits, strict=True) if split != "test"} & tested)
    if crossing:
        raise EmbedkitError(
            f"{name}: {len(crossing)} groups have images both in test and outside it ({listing(crossing)}); "
            "keep each group on one side"
        )


def merge_duplicates(dataset: Dataset, digests: list[str]) -> Dataset:
    """Make images of equal content one group; drop from train those whose group is also in test.

    `digests` holds one sha256 of the decoded pixels per image.
    """
    first: dict[str, int] = {}
    groups = dataset.groups.copy()
    for i, digest in enumerate(digests):
        twin = first.setdefault(digest, i)
        if groups[twin] != groups[i]:
            groups[groups == groups[i]] = groups[twin]
    copies = len(digests) - len(first)
    if not copies:
        return dataset
    in_test = dataset.splits == "test"
    leaked = ~in_test & np.isin(groups, groups[in_test])
    by_digest: dict[str, set[int]] = {}
    for digest, label in zip(digests, dataset.labels, strict=True):
        if label != UNLABELLED:
            by_digest.setdefault(digest, set()).add(int(label))
    contradictory = sum(len(labels) > 1 for labels in by_digest.values())
    notice = f"{copies} exact duplicates (kept on one side of every split)"
    if leaked.any():
        notice += f", {leaked.sum()} images dropped from train because they or their group are in test"
    if contradictory:
        notice += f", {contradictory} images with two different labels"
    merged = replace(dataset, groups=groups, notices=(*dataset.notices, notice))
    return subset(merged, np.flatnonzero(~leaked))


def subset(dataset: Dataset, kept: np.ndarray) -> Dataset:
    """The same data set with the images at these indices only."""
    if len(kept) == len(dataset):
        return dataset
    image = dataset.image
    ids = tuple(dataset.ids[i] for i in kept)
    return replace(
        dataset,
        ids=ids,
        labels=dataset.labels[kept],
        splits=dataset.splits[kept],
        groups=dataset.groups[kept],
        content=hashlib.sha256(json.dumps([dataset.content, ids]).encode()).hexdigest(),
        image=lambda i: image(int(kept[i])),
        vectors=None if dataset.vectors is None else dataset.vectors[kept],
    )
