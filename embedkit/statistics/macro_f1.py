"""Macro-F1 by image, so that it has intervals as accuracy does."""

from __future__ import annotations

import numpy as np


def macro_f1_values(truth: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """What each image adds to macro-F1: jackknife pseudo-values (Tukey 1958), shifted so that their mean is the score.

    Macro-F1 is no mean over images; its pseudo-values n F - (n - 1) F_without_i take the place of right and wrong, in
    intervals and in paired differences.

    Parameters
    ----------
    truth : ndarray of int, shape (n,)
    predicted : ndarray of int, shape (R, n)

    Returns
    -------
    ndarray of float64, shape (R, n)
        The mean of a row is the macro-F1 of a repeat, over the classes that `truth` holds.
    """
    return np.stack([_of_repeat(truth, row) for row in predicted])


def _of_repeat(truth: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    n, n_classes = len(truth), int(max(truth.max(), predicted.max())) + 1
    actual, called = np.bincount(truth, minlength=n_classes), np.bincount(predicted, minlength=n_classes)
    hits = np.bincount(truth[truth == predicted], minlength=n_classes)
    present = actual > 0
    f1 = np.where(present, 2 * hits / np.maximum(actual + called, 1), 0)
    score = f1.sum() / present.sum()
    hit = truth == predicted
    own = (2 * hits[truth] - 2 * hit) / np.maximum(actual[truth] + called[truth] - 1 - hit, 1)
    wrong_class = np.where(present, 2 * hits / np.maximum(actual + called - 1, 1), 0)[predicted]
    change = own - f1[truth] + np.where(hit, 0, wrong_class - f1[predicted])
    gone = actual[truth] == 1  # without its only image a class is no longer counted
    classes = present.sum() - gone
    without = np.where(classes > 0, (f1.sum() + change) / np.maximum(classes, 1), 0)
    pseudo = n * score - (n - 1) * without
    return pseudo - pseudo.mean() + score
