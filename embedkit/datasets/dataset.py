"""Dataset: images (or vectors) with ids, labels, splits and groups."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from embedkit.datasets.targets import are_whole_numbers, read_targets, task_of
from embedkit.errors import EmbedkitError, counted, listing
from embedkit.scores import Task

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
        Index into `classes`, or -1 where there is no label. For regression all that have a target are one class, so
        that they are divided and drawn as one.
    splits : ndarray of str
        ``"train"``, ``"test"``, or ``""`` where the data set does not say.
    groups : ndarray of int64
        Images of one group never sit on both sides of a split; exact duplicates are one group.
    content : str
        sha256 of ids and image bytes: what embeddings are keyed by.
    image : callable
        ``image(i)`` is the i-th image, (H, W, C) uint8 with C = 1 or 3, decoded when asked for; or the i-th vector.
    encoded : callable or None
        ``encoded(i)`` are the bytes of the i-th image's file, where it is one.
    shape : tuple of int or None
        (H, W, C) where all images share it.
    vectors : ndarray of float32, shape (n, d), or None
        In place of images.
    targets : ndarray of float64, shape (n,), or None
        For regression: the numbers to predict, NaN where there is none.
    unreadable : tuple of (str, str)
        Path and reason for each image that was left out.
    dropped : tuple of (str, str)
        Id and split of each image that was dropped because it, or its group, is in test.
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
    encoded: Callable[[int], bytes] | None = field(default=None, repr=False)
    shape: tuple[int, int, int] | None = None
    vectors: np.ndarray | None = field(default=None, repr=False)
    targets: np.ndarray | None = field(default=None, repr=False)
    unreadable: tuple[tuple[str, str], ...] = ()
    dropped: tuple[tuple[str, str], ...] = ()
    notices: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def task(self) -> Task:
        """``"classification"`` or ``"regression"``."""
        return "classification" if self.targets is None else "regression"

    @property
    def truth(self) -> np.ndarray:
        """What heads predict, of shape (n,): class indices (int64), or targets (float64)."""
        return self.labels if self.targets is None else self.targets

    @property
    def fingerprint(self) -> str:
        """sha256 of everything that a trial depends on: content, labels, targets, splits and groups."""
        parts = [self.recipe, self.content, list(self.classes)]
        digest = hashlib.sha256(json.dumps(parts).encode())
        for array in (self.labels, self.groups):
            digest.update(array.astype("<i8").tobytes())
        digest.update("\n".join(self.splits).encode())
        if self.targets is not None:
            digest.update(self.targets.astype("<f8").tobytes())
        return digest.hexdigest()


def from_columns(
    dataset: Dataset,
    labels: list[str],
    groups: list[str] | None,
    splits: list[str] | None,
    task: str = "auto",
) -> Dataset:
    """Fill in labels (for regression: targets), groups and splits given as text; an empty label means the pool.

    With `task` "auto" labels are targets where all are numbers and at least one is not whole.

    Raises
    ------
    EmbedkitError
        Where one number is all there is, a target is no finite number, or a split is neither train, validation nor
        test.
    """
    dataset = _with_labels(dataset, labels, task)
    placed = [_SPLITS.get(split.lower(), "?") for split in splits] if splits else [""] * len(labels)
    if "?" in placed and splits:
        wrong = splits[placed.index("?")]
        raise EmbedkitError(
            f"{dataset.name}: unknown split {wrong!r}; splits are train, validation (joins train) and test"
        )
    split_array = np.array(placed, dtype="<U5")
    grouped = np.arange(len(labels))
    if groups and any(groups):
        keys = [group or f"\0{i}" for i, group in enumerate(groups)]
        number = {key: i for i, key in enumerate(dict.fromkeys(keys))}
        grouped = np.array([number[key] for key in keys], dtype=np.int64)
        _check_groups_stay_on_one_side(dataset.name, keys, split_array)
    return replace(dataset, splits=split_array, groups=grouped)


def _with_labels(dataset: Dataset, labels: list[str], task: str) -> Dataset:
    if (task_of(labels) if task == "auto" else task) == "regression":
        targets = read_targets(dataset.name, dataset.ids, labels)
        return replace(dataset, labels=np.where(np.isnan(targets), UNLABELLED, 0), classes=("",), targets=targets)
    classes = tuple(sorted({label for label in labels if label}))
    index = {name: number for number, name in enumerate(classes)} | {"": UNLABELLED}
    coded = np.array([index[label] for label in labels], dtype=np.int64)
    notices = dataset.notices
    if task == "auto" and any(labels) and are_whole_numbers(labels):
        notices += ("labels are whole numbers and taken as classes; --task regression takes them as numbers",)
    return replace(dataset, labels=coded, classes=classes, notices=notices)


_SPLITS = {"": "", "train": "train", "validation": "train", "val": "train", "valid": "train", "test": "test"}


def _check_groups_stay_on_one_side(name: str, keys: list[str], splits: np.ndarray) -> None:
    tested = {key for key, split in zip(keys, splits, strict=True) if split == "test"}
    crossing = sorted({key for key, split in zip(keys, splits, strict=True) if split != "test"} & tested)
    if crossing:
        groups = counted(len(crossing), "group has", "groups have")
        raise EmbedkitError(
            f"{name}: {groups} images both in test and outside it ({listing(crossing)}); keep each group on one side"
        )


def merge_duplicates(dataset: Dataset, digests: list[str]) -> Dataset:
    """Make images of equal content one group; drop from train those whose group is also in test.

    `digests` holds one sha256 of the decoded pixels per image.
    """
    first: dict[str, int] = {}
    groups = dataset.groups.copy()
    sizes = np.bincount(groups)
    for i, digest in enumerate(digests):
        twin = first.setdefault(digest, i)
        if groups[twin] != groups[i]:
            members = np.flatnonzero(groups == groups[i]) if sizes[groups[i]] > 1 else i
            sizes[groups[twin]] += sizes[groups[i]]
            groups[members] = groups[twin]
    copies = len(digests) - len(first)
    if not copies:
        return dataset
    in_test = dataset.splits == "test"
    leaked = ~in_test & np.isin(groups, groups[in_test])
    by_digest: dict[str, set[float]] = {}
    for digest, label, truth in zip(digests, dataset.labels, dataset.truth, strict=True):
        if label != UNLABELLED:
            by_digest.setdefault(digest, set()).add(float(truth))
    contradictory = sum(len(labels) > 1 for labels in by_digest.values())
    notice = f"{counted(copies, 'exact duplicate')} (kept on one side of every split)"
    if leaked.any():
        one = "image dropped from train because it or its group is in test"
        many = "images dropped from train because they or their group are in test"
        notice += f", {counted(int(leaked.sum()), one, many)}"
    if contradictory:
        notice += f", {counted(contradictory, 'image')} with two different labels"
    dropped = tuple((dataset.ids[i], str(dataset.splits[i])) for i in np.flatnonzero(leaked))
    merged = replace(dataset, groups=groups, dropped=dropped, notices=(*dataset.notices, notice))
    return subset(merged, np.flatnonzero(~leaked))


def subset(dataset: Dataset, kept: np.ndarray) -> Dataset:
    """The same data set with the images at these indices only."""
    if len(kept) == len(dataset):
        return dataset
    image, encoded = dataset.image, dataset.encoded
    ids = tuple(dataset.ids[i] for i in kept)
    return replace(
        dataset,
        ids=ids,
        labels=dataset.labels[kept],
        splits=dataset.splits[kept],
        groups=dataset.groups[kept],
        content=hashlib.sha256(json.dumps([dataset.content, ids]).encode()).hexdigest(),
        image=lambda i: image(int(kept[i])),
        encoded=None if encoded is None else lambda i: encoded(int(kept[i])),
        vectors=None if dataset.vectors is None else dataset.vectors[kept],
        targets=None if dataset.targets is None else dataset.targets[kept],
    )
