"""Heads that cannot be told from the best, and families compared through champions."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Mapping, Sequence

import numpy as np

from embedkit.statistics.intervals import CONFIDENCE, Images, Interval, interval


def best_set(
    correct: Mapping[str, np.ndarray], images: Images, folds: np.ndarray | None = None, alpha: float = 0.05
) -> set[str]:
    """The heads that cannot be told from the best.

    A head leaves only if another one beats it, one-sided at alpha / (K - 1) for K heads (Bonferroni), on paired
    differences.
    """
    if len(correct) < 2:
        return set(correct)
    confidence = 1 - 2 * alpha / (len(correct) - 1)
    means = {head: float((matrix * images.weights).mean()) for head, matrix in correct.items()}
    beaten = set()
    for head, matrix in correct.items():
        for rival, other in correct.items():
            if means[rival] > means[head]:
                difference = interval(other - matrix, images, folds, confidence)
                if difference.estimate > difference.half_width:
                    beaten.add(head)
                    break
    return set(correct) - beaten


def champion_difference(
    first: Sequence[np.ndarray],
    second: Sequence[np.ndarray],
    images: Images,
    image_ids: Sequence[str],
    folds: np.ndarray | None = None,
    confidence: float = CONFIDENCE,
) -> Interval:
    """How much better the champion of one family is than that of another.

    Choosing a champion by its test mean would favour the family with more members. So each half of the test images, in
    each half of the repeats, judges the champions that the other images in the other repeats chose (cross-fitting): no
    image and no label draw helps to choose the head that it is used to judge. One repeat: halves of the images alone.

    Parameters
    ----------
    first, second : sequences of ndarray of shape (R, n)
        What each member of the families got right.
    image_ids : sequence of str
        Of length n; a hash of each image's group decides its half.
    """
    first_of_group: dict[int, str] = {}
    for group, image_id in zip(images.groups, image_ids, strict=True):
        first_of_group.setdefault(int(group), image_id)
    half = np.array([hashlib.sha256(first_of_group[int(group)].encode()).digest()[0] & 1 for group in images.groups])
    repeat_half = np.arange(len(first[0])) % 2
    difference = np.zeros(first[0].shape)
    for side, turn in itertools.product(np.unique(half), np.unique(repeat_half)):
        judged = np.ix_(repeat_half == turn, half == side)
        choosing = np.ix_(_others(repeat_half, turn), _others(half, side))
        difference[judged] = _champion(first, images, choosing)[judged] - _champion(second, images, choosing)[judged]
    return interval(difference, images, folds, confidence)


def _others(half: np.ndarray, side: int) -> np.ndarray:
    """Where the other half is; everything, where there is but one."""
    return half != side if np.any(half != side) else half == side


def _champion(members: Sequence[np.ndarray], images: Images, choosing: tuple[np.ndarray, ...]) -> np.ndarray:
    means = [(member * images.weights)[choosing].mean() for member in members]
    return members[int(np.argmax(means))].astype(float)
