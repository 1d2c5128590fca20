"""Trial: one head, on one embedding, with one draw of labels."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from embedkit import sampling
from embedkit.heads import HEADS
from embedkit.scores import Task as HeadTask
from embedkit.selection import Selection
from embedkit.spec import parse

if TYPE_CHECKING:
    from embedkit.shared_images import LoadedImages

FORMAT = 1


@dataclass(frozen=True)
class Trial:
    """The names of one measurement; `inputs_sha256` stands for every recipe behind them, `data_sha256` for the data."""

    experiment: ClassVar[str] = "heads"
    dataset: str
    backbone: str
    codec: str
    head: str
    budget: str
    repeat: int
    fold: int | None
    selection: Selection
    data_sha256: str
    inputs_sha256: str

    def key(self) -> str:
        """sha256 of what decides the outcome: recipes, no paths."""
        parts = [FORMAT, self.inputs_sha256, self.codec, self.head, self.budget, self.repeat, self.fold, self.selection]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    @property
    def is_timed(self) -> bool:
        """Whether this trial runs alone, at the end, to measure what the head costs."""
        return self.repeat == 0 and self.fold in (None, 0) and self.selection != "oracle"


@dataclass(frozen=True, eq=False)
class Task:
    """A trial with the data that a worker needs: plain arrays and keys.

    `train` and `test` are indices into the embeddings; `y_train` and `y_test` class indices, or numbers; `train_groups`
    and `test_groups` the groups of the images: all of shape (n,).
    """

    trial: Trial
    embeddings: str
    train: np.ndarray
    y_train: np.ndarray
    train_groups: np.ndarray
    test: np.ndarray
    y_test: np.ndarray
    test_groups: np.ndarray
    task: HeadTask
    n_classes: int
    head_seed: int
    known: dict[str, Any]
    """Columns of the row that the driver knows already."""
    device: str = "cpu"
    pool: np.ndarray | None = None
    """Indices of the images that may be learnt from without labels, the draw among them; None where nothing does."""
    images: LoadedImages | None = None
    """For heads that train the network: what they are fitted on in place of embeddings; cannot go to a worker."""


def groups(trials: Sequence[Trial], device: str = "cpu") -> list[tuple[Trial, ...]]:
    """The units of work, which have their test images in common.

    Single trials; where the head gains by it all budgets of one draw; on a GPU all draws of one budget, where the head
    fits them together.
    """
    found: dict[tuple[str | int | None, ...], list[Trial]] = {}
    for trial in trials:
        head = HEADS[parse(trial.head).name]
        batched = device != "cpu" and head.batched is not None
        budget = "" if head.route and not batched else trial.budget
        repeat = None if batched and trial.fold is None else trial.repeat
        same = (trial.dataset, trial.backbone, trial.codec, trial.head, budget, repeat, trial.fold)
        found.setdefault(same, []).append(trial)
    return [tuple(group) for group in found.values()]


def head_seed(salt: str, repeat: int) -> int:
    """The seed of heads that use chance: the same for every head and budget of a repeat."""
    return int.from_bytes(sampling.rank_hash("head seed", salt, repeat)[:4], "big") >> 1
