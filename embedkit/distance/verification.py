"""Do two images show the same class? Answered from their distance alone, over all pairs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from embedkit import statistics
from embedkit.distance.metrics import KEPT_IMAGES_MAX, DistanceRows
from embedkit.errors import NotApplicable
from embedkit.statistics import Interval

STEPS = 2**20
_CHORD = 0.1


def verification(distance_rows: DistanceRows, labels: np.ndarray, groups: np.ndarray) -> dict[str, Interval]:
    """ROC AUC and equal error rate over all pairs of images of different groups, nearer meaning the same class.

    Ties count half in the AUC, and the equal error rate is interpolated on the ROC curve. Up to `KEPT_IMAGES_MAX`
    images both are exact; beyond, distances are rounded to `STEPS` equal steps between the least and the largest,
    which moves the AUC by at most half the chance that a pair of one class and one of two fall into the same step.

    Pairs that share an image depend on each other. So the interval is over images (groups): its variance is that of
    the sums, over all pairs that an image is in, of what the pair adds to the score. This is the placement method of
    DeLong et al. (1988), summed as Obuchowski (1997) does for clustered data.

    Parameters
    ----------
    distance_rows : callable
        See `DistanceRows`; called two or three times.
    labels, groups : ndarray of int, shape (n,)

    Returns
    -------
    dict of str to Interval
        ``roc_auc`` and ``equal_error_rate``.

    Raises
    ------
    NotApplicable
        Where there are no pairs of one class, or none of two.
    """
    level_of, n_levels = _levels(distance_rows, len(labels))
    alike, unlike = np.zeros(n_levels), np.zeros(n_levels)
    for start, rows in distance_rows():
        same, other = _pairs(start, len(rows), labels, groups)
        level = level_of(rows)
        alike += np.bincount(level[same], minlength=n_levels)
        unlike += np.bincount(level[other], minlength=n_levels)
    n_alike, n_unlike = alike.sum(), unlike.sum()
    if not (n_alike and n_unlike):
        raise NotApplicable("verification needs two tested images of one class, of different groups, and two classes")
    scores, errors = _scores_and_errors(alike, unlike)
    of_image = {name: np.zeros(len(labels)) for name in scores}
    for start, rows in distance_rows():
        same, other = _pairs(start, len(rows), labels, groups)
        level = level_of(rows)
        for name, (of_alike, of_unlike) in errors.items():
            summed = np.where(same, of_alike[level], 0).sum(axis=1) / n_alike
            summed += np.where(other, of_unlike[level], 0).sum(axis=1) / n_unlike
            of_image[name][start : start + len(rows)] = summed
    images = statistics.images_for("accuracy", np.zeros(len(labels)), groups)  # numbers, not right or wrong
    half_widths = {
        name: statistics.interval(2 * len(labels) * of_image[name][None], images).half_width for name in scores
    }
    return {name: Interval(score, half_widths[name]) for name, score in scores.items()}


def _pairs(start: int, count: int, labels: np.ndarray, groups: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which of `count` rows and all columns are pairs of one class, and of two."""
    rows = slice(start, start + count)
    apart = groups[rows, None] != groups
    same = labels[rows, None] == labels
    return apart & same, apart & ~same


def _levels(distance_rows: DistanceRows, n: int) -> tuple[Callable[[np.ndarray], np.ndarray], int]:
    """What numbers distances by size, and how many numbers there are."""
    if n <= KEPT_IMAGES_MAX:
        values = np.unique(np.concatenate([rows.ravel() for _, rows in distance_rows()]))
        return lambda rows: np.searchsorted(values, rows), len(values)
    spans = [(rows.min(), rows.max()) for _, rows in distance_rows()]
    least, largest = float(min(low for low, _ in spans)), float(max(high for _, high in spans))
    step = (largest - least) / (STEPS - 1) or 1.0
    return lambda rows: ((rows - least) / step).astype(np.int64), STEPS


Errors = dict[str, tuple[np.ndarray, np.ndarray]]
"""By score, what a pair of one class at each level adds to the score's error, and what a pair of two classes adds."""


def _scores_and_errors(alike: np.ndarray, unlike: np.ndarray) -> tuple[dict[str, float], Errors]:
    """Both scores, from the numbers of pairs of one class and of two at each level."""
    n_alike, n_unlike = alike.sum(), unlike.sum()
    farther = (n_unlike - (np.cumsum(unlike) - unlike / 2)) / n_unlike  # share of the pairs of two classes
    nearer = (np.cumsum(alike) - alike / 2) / n_alike  # share of the pairs of one class
    auc = float(alike @ farther / n_alike)
    accepted_alike = np.append(0, np.cumsum(alike)) / n_alike  # below each level
    accepted_unlike = np.append(0, np.cumsum(unlike)) / n_unlike
    both = accepted_alike + accepted_unlike  # 1 where the two errors are equal
    eer = float(np.interp(1, both, accepted_unlike))
    widths = np.diff(both)
    accepted = np.clip((1 - both[:-1]) / np.where(widths > 0, widths, 1), 0, 1)  # at that threshold, of each level
    low, high = np.interp([1 - _CHORD, 1 + _CHORD], both, accepted_unlike)
    share = (high - low) / (2 * _CHORD)  # of the pairs near the threshold: those of two classes
    errors = {
        "roc_auc": (farther - auc, nearer - auc),
        "equal_error_rate": (-share * (accepted - (1 - eer)), (1 - share) * (accepted - eer)),
    }
    return {"roc_auc": auc, "equal_error_rate": eer}, errors
