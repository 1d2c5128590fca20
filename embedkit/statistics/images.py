"""Test images as a sample: their weights, strata and groups, and what their spread says about a mean over them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

_COIN = 0.25
"""The variance of a fair coin."""


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
        """By image, what deviations grow by since the mean of its stratum's groups is estimated, (n,)."""
        n_groups = np.bincount(np.unique(np.stack([self.stratum, self.group]), axis=1)[0])
        return np.sqrt(n_groups / np.maximum(n_groups - 1, 1))[self.stratum]


def images_for(score: str, truth: np.ndarray, groups: np.ndarray) -> Images:
    """Weights that make the mean of what was right the accuracy, or the balanced accuracy."""
    weights = np.ones(len(truth))
    if score == "balanced_accuracy":
        counts = np.bincount(truth)
        weights = len(truth) / (np.count_nonzero(counts) * counts[truth])
    return Images(weights, truth, groups, score == "balanced_accuracy")


def image_variance(by_image: np.ndarray, images: Images) -> float:
    """Variance of the mean of `by_image` (n,) over images, drawn group by group (and class by class where stratified).

    Of classes at least what it would be had four more images been tested, of which two came out otherwise: that all
    agree is no proof that the next one will (Agresti and Coull 1998; of differences Bonett and Price 2012). The more an
    image's means over repeats, or a group's over images, vary less than single outcomes, the less do those of the added
    ones.
    """
    sums = group_sums(by_image[None], images)[0]
    squares, n = float(sums @ sums) * (len(sums) / len(by_image)) ** 2, len(sums)
    if images.truth.dtype.kind == "f":
        return squares / n**2
    outcome = by_image / images.weights
    of_single = n * max(0.0, float(np.abs(outcome).mean() - outcome.mean() ** 2))
    share = min(1.0, (squares + _COIN) / (of_single + _COIN))
    return max(squares / n**2, (squares + 2 * share * float(np.mean(images.weights**2))) / (n + 4) ** 2)


def group_sums(values: np.ndarray, images: Images) -> np.ndarray:
    """By row of `values` (m, n), the deviations from the means of strata, summed within groups: (m, groups)."""
    if images.stratified:
        means = _bincount(images.stratum, values) / np.maximum(np.bincount(images.stratum), 1)
        deviations = values - means[:, images.stratum]
    else:
        deviations = values - values.mean(axis=1, keepdims=True)
    deviations *= images.correction
    return deviations if images.group.max() + 1 == len(images.group) else _bincount(images.group, deviations)


def _bincount(bins: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Sums of each row of `values` (m, n) by bin."""
    rows, most = len(values), int(bins.max()) + 1
    cell = bins + most * np.arange(rows)[:, None]
    return np.bincount(cell.ravel(), values.ravel(), minlength=rows * most).reshape(rows, most)
