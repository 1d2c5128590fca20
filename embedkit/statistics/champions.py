"""Families of heads compared through champions that are chosen without bias."""

from __future__ import annotations

import functools
import hashlib
import itertools
from collections.abc import Sequence

import numpy as np

from embedkit.statistics.images import Images
from embedkit.statistics.intervals import CONFIDENCE, Interval, interval


def champion(
    members: Sequence[np.ndarray], images: Images, image_ids: Sequence[str]
) -> tuple[np.ndarray, list[tuple[int, float]]]:
    """What the champion of a family gets right, each quarter judged on the choice of the opposite one (cross-fitting).

    Choosing a champion by its test mean would favour families with many members. So each half of the test images, in
    each half of the repeats, judges the champion that the other images in the other repeats chose: no image and no
    label draw helps to choose the head that it is used to judge. One repeat: halves of the images alone.

    Parameters
    ----------
    members : sequence of ndarray of shape (R, n)
        What each member of the family got right.
    image_ids : sequence of str
        Of length n; a hash of each image's group decides its half.

    Returns
    -------
    correct : ndarray of float64, shape (R, n)
    chosen : list of (int, float)
        The numbers of the members that were chosen, and the share of the matrix that each stands for.
    """
    first_of_group = np.unique(images.group, return_index=True)[1]
    half = np.array([_half(image_ids[first]) for first in first_of_group.tolist()])[images.group]
    repeat_half = np.arange(len(members[0])) % 2
    correct, shares = np.zeros(members[0].shape), dict.fromkeys(range(len(members)), 0.0)
    for side, turn in itertools.product(np.unique(half), np.unique(repeat_half)):
        draws, columns = _others(repeat_half, turn), _others(half, side)
        means = [(member[draws].mean(axis=0) * images.weights)[columns].mean() for member in members]
        judged = np.ix_(repeat_half == turn, half == side)
        best = int(np.argmax(means))
        correct[judged] = members[best][judged]
        shares[best] += correct[judged].size / correct.size
    return correct, [(number, share) for number, share in shares.items() if share]


def champion_difference(
    first: Sequence[np.ndarray],
    second: Sequence[np.ndarray],
    images: Images,
    image_ids: Sequence[str],
    folds: np.ndarray | None = None,
    confidence: float = CONFIDENCE,
) -> Interval:
    """How much better the champion of one family is than that of another, see `champion`."""
    ours, _ = champion(first, images, image_ids)
    theirs, _ = champion(second, images, image_ids)
    return interval(ours - theirs, images, folds, confidence)


@functools.lru_cache(maxsize=1 << 17)
def _half(image_id: str) -> int:
    return hashlib.sha256(image_id.encode()).digest()[0] & 1


def _others(half: np.ndarray, side: int) -> np.ndarray:
    """Where the other half is; everything, where there is but one."""
    return half != side if np.any(half != side) else half == side
