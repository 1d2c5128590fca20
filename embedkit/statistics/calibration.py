"""Whether confidences can be believed."""

from __future__ import annotations

import math

import numpy as np

N_BINS = 15
IMAGES_MIN = 500
"""With fewer test images an estimate says little: debiased or not, its noise is as large as what it is to find."""


def squared_misses(confidence: np.ndarray, correct: np.ndarray) -> np.ndarray:
    """By how much each confidence misses, squared: the Brier score (1950) of the claim that the prediction is right.

    Both (R, n); so is what comes out, whose mean and differences have intervals as scores do. Lower is better.
    """
    return (confidence - correct) ** 2


def calibration_error(confidence: np.ndarray, correct: np.ndarray) -> float | None:
    """How far confidences are from the share of right predictions, as a debiased expected calibration error.

    Root mean square over `N_BINS` bins of equal mass, averaged over repeats before the root; from each bin's squared
    gap its own sampling variance is taken off (Kumar, Liang and Ma 2019, the debiased estimator). The plain error
    averages absolute gaps, and noise alone makes them large: a perfectly calibrated head scores 0.10 at 60 images.

    Parameters
    ----------
    confidence, correct : ndarray of shape (R, n)
        Probabilities of the predicted classes, and whether these were right.

    Returns
    -------
    float or None
        None below `IMAGES_MIN` test images.
    """
    if confidence.shape[1] < IMAGES_MIN:
        return None
    squares = [_debiased_square(*pair) for pair in zip(confidence, correct, strict=True)]
    return math.sqrt(max(0.0, sum(squares) / len(squares)))


def _debiased_square(confidence: np.ndarray, correct: np.ndarray) -> float:
    n = len(confidence)
    order = np.argsort(confidence)
    confidence, correct = confidence[order], correct[order]
    first = np.concatenate([[True], confidence[1:] != confidence[:-1]])  # equal ones share a place, and so a bin
    bins = np.maximum.accumulate(np.where(first, np.arange(n), 0)) * N_BINS // n
    count = np.bincount(bins, minlength=N_BINS)
    filled = np.maximum(count, 1)
    said = np.bincount(bins, confidence, minlength=N_BINS) / filled
    true = np.bincount(bins, correct, minlength=N_BINS) / filled
    noise = true * (1 - true) / np.maximum(count - 1, 1)
    return float(np.sum(count / n * ((said - true) ** 2 - noise)))
