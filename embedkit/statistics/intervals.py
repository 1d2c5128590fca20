"""Intervals and p-values over label draws and test images.

The input is what was right: for one head at one budget a matrix (R, n), repeats x test images, of 0 and 1 (for numbers
of negative absolute errors), on the same draws and images for every head.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import optimize, special

CONFIDENCE = 0.95
_LEAST_P = 1e-15
_COIN = 0.25
"""The variance of a fair coin."""


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
    """The test images behind the columns of a matrix: weights (n,) with mean 1, truth (n,) and groups (n,).

    The truth is class indices (int), or targets (float).
    """

    weights: np.ndarray
    truth: np.ndarray
    groups: np.ndarray
    stratified: bool
    """Whether the weights equalise the classes, so that only the spread within classes counts."""

    @cached_property
    def group(self) -> np.ndarray:
        """Groups numbered from 0, (n,)."""
        return np.unique(self.groups, return_inverse=True)[1]

    @cached_property
    def stratum(self) -> np.ndarray:
        """What images are compared within, (n,)."""
        return self.truth if self.stratified else np.zeros(len(self.truth), dtype=np.int64)

    @cached_property
    def correction(self) -> np.ndarray:
        """By image, what residuals grow by since the mean of its stratum's groups is estimated, (n,)."""
        n_groups = np.bincount(np.unique(np.stack([self.stratum, self.group]), axis=1)[0])
        return np.sqrt(n_groups / np.maximum(n_groups - 1, 1))[self.stratum]


def images_for(score: str, truth: np.ndarray, groups: np.ndarray) -> Images:
    """Weights that make the mean of what was right the accuracy, or the balanced accuracy."""
    weights = np.ones(len(truth))
    if score == "balanced_accuracy":
        counts = np.bincount(truth)
        weights = len(truth) / (np.count_nonzero(counts) * counts[truth])
    return Images(weights, truth, groups, score == "balanced_accuracy")


@dataclass(frozen=True, eq=False)
class Means:
    """All of a matrix that its interval needs; the means of a difference are the difference of the means.

    Attributes
    ----------
    by_image : ndarray of shape (n,)
        Over repeats, weighted: their mean is the estimate.
    by_draw : ndarray of shape (J,)
        Of each repeat, or where cross-validated of each fold in each repeat.
    cross_validated : bool
    """

    by_image: np.ndarray
    by_draw: np.ndarray
    cross_validated: bool

    @property
    def estimate(self) -> float:
        return float(self.by_image.mean())

    def __sub__(self, other: Means) -> Means:
        return Means(self.by_image - other.by_image, self.by_draw - other.by_draw, self.cross_validated)


def means(correct: np.ndarray, images: Images, folds: np.ndarray | None = None) -> Means:
    """The means of a matrix (R, n); `folds` (R, n) say in which fold an image was tested, where cross-validated."""
    by_image = correct.mean(axis=0, dtype=np.float64) * images.weights
    if folds is None:
        return Means(by_image, correct @ images.weights / len(images.weights), False)
    cell = folds + (folds.max() + 1) * np.arange(len(folds))[:, None]
    by_draw = np.bincount(cell.ravel(), (correct * images.weights).ravel()) / np.bincount(cell.ravel())
    return Means(by_image, by_draw, True)


@dataclass(frozen=True)
class Spread:
    """An estimate, the variances of its mean over draws and over images, and the degrees of freedom of the former."""

    estimate: float
    of_draws: float
    of_images: float
    df: float

    def half_width(self, tail: float) -> float:
        """That of the interval that leaves out `tail` on each side."""
        t, z = special.stdtrit(self.df, 1 - tail), special.ndtri(1 - tail)
        return math.sqrt(t**2 * self.of_draws + z**2 * self.of_images)

    def interval(self, confidence: float = CONFIDENCE) -> Interval:
        return Interval(self.estimate, self.half_width((1 - confidence) / 2))

    @property
    def p_value(self) -> float:
        """Two-sided, that the mean is 0: one minus the confidence at which the interval just excludes 0."""
        distance = abs(self.estimate)
        if distance == 0:
            return 1.0
        if distance >= self.half_width(_LEAST_P):
            return 2 * _LEAST_P
        tail = 10 ** optimize.brentq(lambda a: self.half_width(10**a) - distance, np.log10(_LEAST_P), np.log10(0.5))
        return 2 * float(tail)


def spread(of: Means, images: Images, pool_share: float = 0.0) -> Spread:
    """The variances behind an interval.

    Draws add s_rep^2 / R, with s_rep the standard deviation of the repeats' means and t_{R-1} as its quantile (cross-
    validated: s_fold^2 / J over the J means of one fold in one repeat, with z); images s_img^2 / n, summed within
    groups. One repeat: the images' part alone.

    Parameters
    ----------
    pool_share : float
        f = n_labeled / n_pool. Given, another pool is drawn too, and not only other labels from this one: 1 / R becomes
        1 / R + f / (1 - f), since draws that share a part of one pool are too much alike by the factor 1 - f (the
        finite population correction, Cochran 1977, 2.6). With all of the pool nothing bounds it: infinite.
    """
    n_draws = len(of.by_draw)
    beyond = pool_share / (1 - pool_share) if pool_share < 1 else math.inf
    of_draws = of.by_draw.var(ddof=1) * (1 / n_draws + beyond) if n_draws > 1 else 0.0
    if math.isinf(beyond):
        of_draws = math.inf
    df = math.inf if of.cross_validated or n_draws == 1 else n_draws - 1
    return Spread(of.estimate, float(of_draws), _image_variance(of.by_image, images), df)


def interval(
    correct: np.ndarray,
    images: Images,
    folds: np.ndarray | None = None,
    confidence: float = CONFIDENCE,
    pool_share: float = 0.0,
) -> Interval:
    """Mean over label draws from this pool and over new test images, with its two-sided interval.

    half-width^2 = (t_{R-1} s_rep / sqrt(R))^2 + (z s_img / sqrt(n))^2, see `spread`.

    Parameters
    ----------
    correct : ndarray of shape (R, n)
        0 and 1, or negative absolute errors, or differences of these.
    folds : ndarray of int of shape (R, n), or None
        Where cross-validated: in which fold an image was tested.
    pool_share : float
        Given, the interval is over new pools too.
    """
    return spread(means(correct, images, folds), images, pool_share).interval(confidence)


def _image_variance(by_image: np.ndarray, images: Images) -> float:
    """Variance of the mean over images, which were drawn group by group (and class by class where stratified)."""
    stratum = images.stratum
    mean = np.bincount(stratum, by_image) / np.maximum(np.bincount(stratum), 1)
    sums = np.bincount(images.group, (by_image - mean[stratum]) * images.correction)
    variance = float(sums @ sums) / len(by_image) ** 2
    return variance if images.truth.dtype.kind == "f" else _at_least_plus_four(variance, by_image, images, len(sums))


def _at_least_plus_four(variance: float, by_image: np.ndarray, images: Images, n: int) -> float:
    """The variance had four more of `n` images been tested, of which two came out otherwise, where that is larger.

    That all images agree is no proof that the next one will (Agresti and Coull 1998; of differences Bonett and Price
    2012). The more an image's means over repeats, or a group's over images, vary less than single outcomes, the less
    do those of the added ones.
    """
    outcome = by_image / images.weights
    squares, of_single = variance * n**2, n * max(0.0, float(np.abs(outcome).mean() - outcome.mean() ** 2))
    share = min(1.0, (squares + _COIN) / (of_single + _COIN))
    return max(variance, (squares + 2 * share * float(np.mean(images.weights**2))) / (n + 4) ** 2)
