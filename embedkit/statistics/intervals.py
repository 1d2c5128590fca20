"""Intervals and p-values over label draws and test images.

The input is what was right: for one head at one budget a matrix (R, n), repeats x test images, of 0 and 1 (for numbers
of negative absolute errors), on the same draws and images for every head.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import optimize, special

from embedkit.statistics.images import Images, group_sums, image_variance

CONFIDENCE = 0.95
_LEAST_P = 1e-15


@dataclass(frozen=True)
class Interval:
    """An estimate and the half-width of its interval."""

    estimate: float
    half_width: float

    @property
    def excludes_zero(self) -> bool:
        return abs(self.estimate) > self.half_width


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
        tail = optimize.brentq(lambda a: self.half_width(10**a) - distance, np.log10(_LEAST_P), np.log10(0.5))
        return 2 * 10 ** float(tail)


def spread(correct: np.ndarray, images: Images, folds: np.ndarray | None = None, pool_share: float = 0.0) -> Spread:
    """The variances behind an interval, see there for the parameters.

    Draws: s_rep^2 / R, with s_rep the standard deviation of the repeats' means, and t_{R-1}. Images: s_img^2 / n, with
    s_img that of the images' means, summed within groups, less s_res^2 / (R n): the noise of single outcomes is in both
    spreads and counts once (Searle, Casella and McCulloch 1992, chapter 4). One repeat: s_img^2 / n alone.
    Cross-validated: s_fold^2 / J, over the J means of one fold in one repeat, and s_img^2 / n.
    """
    weighted = correct * images.weights  # (R, n)
    by_image = weighted.mean(axis=0)
    by_draw = weighted.mean(axis=1) if folds is None else _fold_means(weighted, folds)
    estimate, of_images = float(by_image.mean()), image_variance(by_image, images)
    R, J = len(correct), len(by_draw)
    if pool_share >= 1 or (pool_share > 0 and J == 1):
        return Spread(estimate, math.inf, of_images, math.inf)
    of_draws = float(by_draw.var(ddof=1)) * (1 / J + pool_share / (1 - pool_share)) if J > 1 else 0.0
    if folds is not None or R == 1:
        return Spread(estimate, of_draws, of_images, math.inf)
    residuals = group_sums(weighted - by_image, images).ravel()
    noise = float(residuals @ residuals) / (R * (R - 1) * len(by_image) ** 2)
    return Spread(estimate, of_draws, max(0.0, of_images - noise), R - 1)


def interval(
    correct: np.ndarray,
    images: Images,
    folds: np.ndarray | None = None,
    confidence: float = CONFIDENCE,
    pool_share: float = 0.0,
) -> Interval:
    """Mean over label draws from this pool and over new test images, with its two-sided interval.

    half-width^2 = t_{R-1}^2 s_rep^2 / R + z^2 (s_img^2 - s_res^2 / R) / n, see `spread`.

    Parameters
    ----------
    correct : ndarray of shape (R, n)
        0 and 1, or negative absolute errors, or differences of these.
    folds : ndarray of int of shape (R, n), or None
        Where cross-validated: in which fold an image was tested.
    pool_share : float
        f = n_labeled / n_pool. Given, another pool is drawn too, and not only other labels from this one: 1 / R becomes
        1 / R + f / (1 - f), since draws that share a part of one pool are too much alike by the factor 1 - f (the
        finite population correction, Cochran 1977, 2.6). With one repeat, or all of the pool, it is infinite.
    """
    return spread(correct, images, folds, pool_share).interval(confidence)


def _fold_means(weighted: np.ndarray, folds: np.ndarray) -> np.ndarray:
    cell = folds + (folds.max() + 1) * np.arange(len(folds))[:, None]
    return np.bincount(cell.ravel(), weighted.ravel()) / np.bincount(cell.ravel())
