"""Which images are trained on and which are tested on: splits, folds and label draws, by image, nested and paired.

Everything follows from hashes of image ids, so that file order, added files and library versions change nothing that
they need not.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

import numpy as np

from embedkit.datasets.dataset import Dataset
from embedkit.errors import EmbedkitError, NotApplicable, counted, listing
from embedkit.scores import Task

FOLDS = 5
TEST_SHARE = 0.2
LABELLED_MIN_FOR_HOLD_OUT = 1000
MIN_CLASS_SIZE = 2


@dataclass(frozen=True)
class Budget:
    """How many labels a head gets.

    ``Budget(5, "per class")`` (for regression: 5 in all), ``Budget(200, "total")``, ``Budget(1, "%")`` or
    ``Budget(0, "all")``.
    """

    amount: float
    unit: Literal["per class", "total", "%", "all"]

    def __str__(self) -> str:
        return {
            "per class": f"{self.amount:.15g}",
            "total": f"{self.amount:.15g} total",
            "%": f"{self.amount:.15g}%",
            "all": "all",
        }[self.unit]


def parse_budget(text: str | int) -> Budget:
    """Read ``5`` (labels per class), ``200 total``, ``1%`` or ``all``.

    Raises
    ------
    EmbedkitError
        Where the text is none of these, or not above zero.
    """
    written = str(text).strip()
    if written == "all":
        return Budget(0, "all")
    number, unit = written, "per class"
    if written.endswith("total"):
        number, unit = written.removesuffix("total").strip(), "total"
    elif written.endswith("%"):
        number, unit = written.removesuffix("%").strip(), "%"
    try:
        amount = float(number) if unit == "%" else int(number)
    except ValueError:
        amount = 0
    if not (amount > 0 and (unit != "%" or amount <= 100)):
        raise EmbedkitError(
            f"budget {written!r} cannot be read; budgets are labels per class (5), '200 total', '1%' or 'all'"
        )
    return Budget(amount, unit)  # type: ignore[arg-type]


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Who may be trained on and who is tested on; arrays of length n, in the data set's order.

    Attributes
    ----------
    kind : ``"fixed"`` (one test set) or ``"cv"`` (each labelled image is tested once per repeat)
    salt : the data set's recipe, hashed into every draw
    ids, labels, groups : as in `Dataset`, with the labels of excluded classes set to -1
    targets : as in `Dataset`: for regression float64, else None
    candidates : indices of the labelled images that draws come from (cv: that are divided into folds)
    test : indices of the test images (cv: empty)
    pool : indices of the images that are never tested on, whose labels are not looked at
    notices : what the user should know
    """

    kind: Literal["fixed", "cv"]
    salt: str
    ids: tuple[str, ...]
    labels: np.ndarray
    groups: np.ndarray
    classes: tuple[str, ...]
    candidates: np.ndarray
    test: np.ndarray
    pool: np.ndarray
    notices: tuple[str, ...]
    targets: np.ndarray | None = None

    @property
    def task(self) -> Task:
        """``"classification"`` or ``"regression"``."""
        return "classification" if self.targets is None else "regression"

    @property
    def truth(self) -> np.ndarray:
        """What heads predict: class indices, or targets."""
        return self.labels if self.targets is None else self.targets

    @property
    def folds(self) -> tuple[int | None, ...]:
        return tuple(range(FOLDS)) if self.kind == "cv" else (None,)

    def split(self, repeat: int, fold: int | None) -> tuple[np.ndarray, np.ndarray]:
        """Indices of the images that draws of this repeat and fold come from, and of those they are tested on."""
        if fold is None:
            return self.candidates, self.test
        part = _folds(self, repeat)
        return self.candidates[part != fold], self.candidates[part == fold]

    def pool_beside(self, repeat: int, fold: int | None) -> np.ndarray:
        """Indices of the images that may be learnt from without labels: those that draws come from, and the pool."""
        return np.union1d(self.split(repeat, fold)[0], self.pool)

    @property
    def tested(self) -> np.ndarray:
        """Indices of all images that are ever tested on."""
        return self.test if self.kind == "fixed" else self.candidates


def rank_hash(*parts: object) -> bytes:
    """The one source of chance in splits and draws: sha256 of named parts."""
    return hashlib.sha256("\0".join(map(str, parts)).encode()).digest()


@lru_cache(maxsize=64)
def _folds(evaluation: Evaluation, repeat: int) -> np.ndarray:
    return assign_folds(evaluation, evaluation.candidates, FOLDS, "fold", repeat)


def assign_folds(evaluation: Evaluation, among: np.ndarray, n_folds: int, *salt: object) -> np.ndarray:
    """Divide images into stratified folds that keep groups whole: the fold number of each of `among`.

    Within a class each fold is a stretch of the groups of one size in their order by a hash, so that an added image
    moves few others.
    """
    positions: dict[int, list[int]] = {}
    for position, image in enumerate(among):
        positions.setdefault(int(evaluation.groups[image]), []).append(position)
    labels = evaluation.labels[among]
    first_id = {group: min(evaluation.ids[among[member]] for member in members) for group, members in positions.items()}
    strata: dict[int, list[list[int]]] = {}
    for group in sorted(positions, key=lambda group: rank_hash(evaluation.salt, *salt, first_id[group])):
        strata.setdefault(int(np.bincount(labels[positions[group]]).argmax()), []).append(positions[group])
    fold = np.zeros(len(among), dtype=np.int64)
    totals = np.zeros(n_folds)
    for _, members in sorted(strata.items()):
        here = np.zeros(n_folds)
        given: dict[int, list[int]] = {}  # folds by size of group
        for images in members:
            chosen = min(range(n_folds), key=lambda f: (here[f], totals[f], f))
            here[chosen] += len(images)
            totals[chosen] += len(images)
            given.setdefault(len(images), []).append(chosen)
        in_stretches = {size: iter(sorted(folds)) for size, folds in given.items()}
        for images in members:
            fold[images] = next(in_stretches[len(images)])
    return fold


def plan_evaluation(dataset: Dataset, kind: str = "auto", min_class_size: int = MIN_CLASS_SIZE) -> Evaluation:
    """Choose the protocol and divide a data set accordingly.

    With a test split, or at least 1,000 labelled images (a stratified 20% is held out): ``"fixed"``.
    Otherwise ``"cv"``: stratified 5-fold on the labelled images, divided anew for each repeat. For regression there is
    one stratum.

    Raises
    ------
    EmbedkitError
        Where nothing is labelled, fewer than two classes are left (of classes), or fewer than 5 images (groups) to
        divide.
    """
    check_labelled(dataset)
    in_test = dataset.splits == "test"
    notices: list[str] = []
    divided = kind == "cv" or not in_test.any()
    labels = dataset.labels
    if dataset.task == "classification":
        labels = _without_small_classes(dataset, (labels >= 0) & ~in_test, divided, min_class_size, notices)
    labelled = (labels >= 0) & ~in_test
    if kind == "auto":
        kind = "fixed" if in_test.any() or labelled.sum() >= LABELLED_MIN_FOR_HOLD_OUT else "cv"
    if kind == "cv" and in_test.any():
        aside = counted(int(in_test.sum()), "image of the test split is", "images of the test split are")
        notices.append(f"evaluation = cv: the {aside} left aside")
    plan = Evaluation(
        kind="cv",
        salt=dataset.recipe,
        ids=dataset.ids,
        labels=labels,
        groups=dataset.groups,
        classes=dataset.classes,
        candidates=np.flatnonzero(labelled),
        test=np.empty(0, dtype=np.int64),
        pool=np.flatnonzero((labels < 0) & ~in_test & ~np.isin(dataset.groups, dataset.groups[labelled])),
        notices=tuple(notices),
        targets=dataset.targets,
    )
    if kind == "cv":
        units = len(np.unique(dataset.groups[labelled]))
        if units < FOLDS:
            there = counted(units, "labelled image or group is", "labelled images or groups are")
            raise EmbedkitError(f"{dataset.name}: {there} too few for {FOLDS}-fold cross-validation; label more images")
        return plan
    tested = in_test & (labels >= 0)
    if not in_test.any():
        part = assign_folds(plan, plan.candidates, round(1 / TEST_SHARE), "hold-out")
        tested[plan.candidates[part == 0]] = True
    candidates = np.flatnonzero(labelled & ~tested)
    tested &= np.isin(labels, labels[candidates])
    if not tested.any():
        raise EmbedkitError(f"{dataset.name}: no test image has a label; label some, or use --evaluation cv")
    pool = np.flatnonzero(~in_test & ~np.isin(dataset.groups, dataset.groups[tested]))
    return replace(plan, kind="fixed", candidates=candidates, test=np.flatnonzero(tested), pool=pool)


def pool_of(dataset: Dataset, kind: str = "auto") -> np.ndarray:
    """The images that may be learnt from without labels.

    Where there are too few labels to compare heads, these are all that are not in the test split.
    """
    try:
        return plan_evaluation(dataset, kind).pool
    except EmbedkitError:
        return np.flatnonzero(dataset.splits != "test")


def check_labelled(dataset: Dataset) -> None:
    """Raise an EmbedkitError where nothing is labelled, or all images are of one class."""
    if not (dataset.labels >= 0).any():
        what = "images" if dataset.vectors is None else "vectors"
        raise EmbedkitError(
            f"{dataset.name}: none of its {len(dataset)} {what} has a label; "
            "label some (images: in one folder per class, or by --labels labels.csv with the columns path,label)"
        )
    if dataset.task == "classification" and len(dataset.classes) == 1:
        raise EmbedkitError(
            f"{dataset.name}: all labelled images are of one class, {dataset.classes[0]!r}; "
            "telling classes apart takes two"
        )


def _without_small_classes(
    dataset: Dataset, trainable: np.ndarray, divided: bool, min_class_size: int, notices: list[str]
) -> np.ndarray:
    """Labels, with -1 for classes that have fewer than `min_class_size` labelled training images.

    Where they are `divided` into training and test parts, a group counts as one image.
    """
    units = dataset.groups if divided else np.arange(len(dataset))
    pairs = np.unique(np.stack([dataset.labels, units])[:, trainable], axis=1)
    sizes = np.bincount(pairs[0], minlength=len(dataset.classes))
    small = np.flatnonzero(sizes < min_class_size)
    if len(dataset.classes) - len(small) < 2:
        raise EmbedkitError(
            f"{dataset.name}: fewer than two classes have {min_class_size} labelled training images "
            f"({_counts(dataset.classes, sizes)}); label more images"
        )
    if len(small):
        names = listing([str(dataset.classes[i]) for i in small])
        few = f"fewer than {min_class_size} training images"
        left_out = counted(len(small), f"class has {few} and is left out", f"classes have {few} and are left out")
        notices.append(f"{left_out}: {names}")
    return np.where(np.isin(dataset.labels, small), -1, dataset.labels)


def _counts(classes: tuple[str, ...], sizes: np.ndarray) -> str:
    return listing([f"{name}: {size}" for name, size in zip(classes, sizes, strict=True)])


def check_budget(evaluation: Evaluation, name: str, budget: Budget, repeats: int) -> str:
    """Why a budget does not fit, or nothing where it does."""
    if budget.unit in ("all", "%"):
        return ""
    folds = [(repeat, fold) for repeat in range(repeats if evaluation.kind == "cv" else 1) for fold in evaluation.folds]
    parts = [evaluation.labels[evaluation.split(repeat, fold)[0]] for repeat, fold in folds]
    within = " in some training fold" if evaluation.kind == "cv" else ""
    if budget.unit == "total":
        least = min(len(part) for part in parts)
        if budget.amount > least:
            there = counted(least, "labelled training image")
            return f'budget {budget}: {name} has {there}{within}; use at most {least}, or "all"'
        return ""
    if evaluation.task == "regression":
        least = min(map(len, parts))
        if budget.amount <= least:
            return ""
        there = counted(least, "training image")
        return f'budget {budget}: {name} has {there} with a target{within}; use at most {least}, or "all"'
    present = np.unique(evaluation.labels[evaluation.candidates])
    sizes = np.min([np.bincount(part, minlength=len(evaluation.classes)) for part in parts], axis=0)[present]
    least = int(sizes.min())
    if budget.amount <= least:
        return ""
    smallest = evaluation.classes[present[sizes.argmin()]]
    remedy = f"use at most {least}" if least else "label more of it in other groups"
    return (
        f"budget {budget}: class {smallest!r} of {name} has {counted(least, 'training image')}{within}; "
        f'{remedy}, "all", or --draw capped'
    )


def draw(evaluation: Evaluation, budget: Budget, repeat: int, fold: int | None) -> np.ndarray:
    """Indices of the images whose labels a head may see; smaller budgets are prefixes within each class.

    A class with fewer images than the budget gives all it has (``draw = capped``; otherwise such budgets were refused).

    Raises
    ------
    NotApplicable
        Where the draw holds a single class.
    """
    among = evaluation.split(repeat, fold)[0]
    rank = _draw_ranks(evaluation, repeat)
    ordered = among[np.argsort(rank[among], kind="stable")]
    if budget.unit == "per class":
        labels = evaluation.labels[ordered]
        taken = [ordered[labels == label][: int(budget.amount)] for label in np.unique(labels)]
        chosen = np.concatenate(taken)
    elif budget.unit == "all":
        chosen = ordered
    else:
        share = round(len(ordered) * budget.amount / 100, 6)  # 1.1% of 3,000 is 33, not 33.000000000000004
        n = budget.amount if budget.unit == "total" else math.ceil(share)
        chosen = ordered[: int(n)]
    if evaluation.task == "classification" and len(np.unique(evaluation.labels[chosen])) < 2:
        raise NotApplicable(f"the draw of {counted(len(chosen), 'label')} holds a single class")
    return chosen


@lru_cache(maxsize=64)
def _draw_ranks(evaluation: Evaluation, repeat: int) -> np.ndarray:
    """The place of every candidate in this repeat's order, by sha256(data set, repeat, image id)."""
    hashes = [rank_hash(evaluation.salt, repeat, evaluation.ids[i]) for i in evaluation.candidates]
    rank = np.zeros(len(evaluation.ids), dtype=np.int64)
    rank[evaluation.candidates[sorted(range(len(hashes)), key=hashes.__getitem__)]] = np.arange(len(hashes))
    return rank


def ids_sha256(evaluation: Evaluation, indices: np.ndarray) -> str:
    """sha256 of the ids and class names (or targets) of some images, in order: the fingerprint of a draw."""
    if evaluation.targets is None:
        told = [evaluation.classes[label] for label in evaluation.labels[indices]]
    else:
        told = [repr(float(target)) for target in evaluation.targets[indices]]
    lines = [f"{evaluation.ids[i]}\0{truth}" for i, truth in zip(indices, told, strict=True)]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
