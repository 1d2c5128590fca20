"""Test images that heads get wrong most often, and labels that look wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from embedkit.results import ImageSet, Predictions

SHOWN_MAX = 24


@dataclass(frozen=True)
class Mistaken:
    """One test image: its label, what it is taken for most often, and in which share of trials (numbers: how far off
    it is on average).
    """

    image: str
    truth: str
    taken_for: str
    share: float


class Mistakes:
    """What the heads of one embedding make of each test image, over repeats."""

    def __init__(self, ids: Sequence[str], classes: Sequence[str]) -> None:
        self._columns: dict[str, np.ndarray] = {}
        self._ids, self._classes = list(ids), list(classes)
        self._truth = np.zeros(len(ids))
        self._trials, self._wrong, self._judged = (np.zeros(len(ids)) for _ in range(3))
        self._votes = np.zeros((len(ids), len(classes)), dtype=np.int32)
        self._doubts = np.zeros((len(ids), len(classes)), dtype=np.int32)

    def add(self, test: ImageSet, predictions: Predictions) -> None:
        """One trial more."""
        at = self._columns_of(test)
        predicted = predictions.predicted
        self._truth[at] = test.truth
        self._trials[at] += 1
        if test.truth.dtype.kind == "f":
            self._wrong[at] += np.abs(predicted - test.truth)
            return
        wrong = predicted != test.truth
        self._wrong[at] += wrong
        self._votes[at[wrong], predicted[wrong]] += 1
        if predictions.confidence is not None and predictions.true_probability is not None:
            self._judged[at] += 1
            sure = wrong & (predictions.confidence >= own_confidence(test, predictions)[predicted])
            self._doubts[at[sure], predicted[sure]] += 1

    def _columns_of(self, test: ImageSet) -> np.ndarray:
        if test.sha256 not in self._columns:
            number = {image: i for i, image in enumerate(self._ids)}
            self._columns[test.sha256] = np.array([number[image] for image in test.ids], dtype=np.int64)
        return self._columns[test.sha256]

    def wrong_share(self) -> dict[str, float]:
        """By image, in which share of trials it is wrong (numbers: the mean absolute error)."""
        share = self._wrong / np.maximum(self._trials, 1)
        return dict(zip(self._ids, share.tolist(), strict=True))

    def most_wrong(self, n: int = SHOWN_MAX) -> list[Mistaken]:
        """The images that are wrong in most trials (numbers: furthest off)."""
        share = self._wrong / np.maximum(self._trials, 1)
        return [self._mistaken(i, self._votes, share[i]) for i in _largest(share, n) if share[i] > 0]

    def doubtful_labels(self, n: int = SHOWN_MAX) -> list[Mistaken] | None:
        """Images that most trials take for one other class, and as surely as they know that class's own images.

        None where no head gives probabilities. This is the rule of confident learning (Northcutt et al., "Confident
        learning: estimating uncertainty in dataset labels", JAIR 2021, eq. 1) on predictions out of sample, with the
        predicted class as the only candidate; here in more than half of the trials.
        """
        if not self._judged.any():
            return None
        share = self._doubts.max(axis=1, initial=0) / np.maximum(self._judged, 1)
        return [self._mistaken(i, self._doubts, share[i]) for i in _largest(share, n) if share[i] > 0.5]

    def _mistaken(self, i: int, votes: np.ndarray, share: float) -> Mistaken:
        if not votes[i].any():
            return Mistaken(self._ids[i], f"{self._truth[i]:g}", "", float(share))
        truth, other = self._classes[int(self._truth[i])], self._classes[int(votes[i].argmax())]
        return Mistaken(self._ids[i], truth, other, float(share))


def own_confidence(test: ImageSet, predictions: Predictions) -> np.ndarray:
    """By class (C,), the mean probability that images of a class are given for it; infinite where there are none."""
    assert predictions.true_probability is not None
    n_classes = len(test.classes)
    counts = np.bincount(test.truth, minlength=n_classes)
    sums = np.bincount(test.truth, predictions.true_probability, minlength=n_classes)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.inf)


def _largest(values: np.ndarray, n: int) -> list[int]:
    return [int(i) for i in np.argsort(-values, kind="stable")[:n]]
