"""Intervals over label draws and test images.

The input is what was right: for one head at one budget a matrix (R, n), repeats x test images, of 0 and 1 (for numbers
of negative absolute errors), on the same draws and images for every head.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Interval:
    """An estimate and the half-width of its interval."""

    estimate: float
    half_width: float

    @property
    def excludes_zero(self) -> bool:
        return abs(self.estimate) > self.half_width


@dataclass(frozen=True, eq=False)
class Images:
    """The test images behind the columns of a matrix: weights (n,) with mean 1, classes (n,) and groups (n,)."""

    weights: np.ndarray
    truth: np.ndarray
    groups: np.ndarray
    stratified: bool
    """Whether the weights equalise the classes, so that only the spread within classes counts."""


def images_for(score: str, truth: np.ndarray, groups: np.ndarray) -> Images:
    """Weights that make the mean of what was right the accuracy, or the balanced accuracy."""
    weights = np.ones(len(truth))
    if score == "balanced_accuracy":
        counts = np.bincount(truth)
        weights = len(truth) / (np.count_nonzero(counts) * counts[truth])
    return Images(weights, truth, groups, score == "balanced_accuracy")


def interval(
    correct: np.ndarray, images: Images, folds: np.ndarray | None = None, confidence: float = CONFIDENCE
) -> Interval:
    """Mean over label draws from this pool and over new test images, with its two-sided interval.

    half-width^2 = (t_{R-1} s_rep / sqrt(R))^2 + (z s_img / sqrt(n))^2, with s_rep the standard deviation of the
    repeats' means and s_img that of the images' means, summed within groups. One repeat: the images' part alone.
    Cross-validated: z^2 (s_img^2 / n + s_fold^2 / J), with s_fold that of the J means of one fold in one repeat.

    Parameters
    ----------
    correct : ndarray of shape (R, n)
        0 and 1, or negative absolute errors, or differences of these.
    folds : ndarray of int of shape (R, n), or None
        Where cross-validated: in which fold an image was tested.
    """
    weighted = correct * images.weights
    per_repeat = weighted.mean(axis=1)
    tail = (1 - confidence) / 2
    z = float(special.ndtri(1 - tail))
    half = (z**2) * _image_variance(weighted.mean(axis=0), images)
    if folds is not None:
        cell = folds + (folds.max() + 1) * np.arange(len(folds))[:, None]
        means = np.bincount(cell.ravel(), weighted.ravel()) / np.bincount(cell.ravel())
        half += z**2 * means.var(ddof=1) / len(means)
    elif len(correct) > 1:
        half += special.stdtrit(len(correct) - 1, 1 - tail) ** 2 * per_repeat.var(ddof=1) / len(correct)
    return Interval(float(per_repeat.mean()), float(np.sqrt(half)))


def _image_variance(per_image: np.ndarray, images: Images) -> float:
    """Variance of the mean over images, which were drawn group by group (and class by class where stratified)."""
    n = len(per_image)
    stratum = images.truth if images.stratified else np.zeros(n, dtype=np.int64)
    mean = np.bincount(stratum, per_image) / np.maximum(np.bincount(stratum), 1)
    n_groups = np.bincount(np.unique(np.stack([stratum, images.groups]), axis=1)[0])
    residual = (per_image - mean[stratum]) * np.sqrt(n_groups / np.maximum(n_groups - 1, 1))[stratum]
    _, group = np.unique(images.groups, return_inverse=True)
    return float(np.sum(np.bincount(group, residual) ** 2) / n**2)
