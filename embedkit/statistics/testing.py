"""Tests over families of comparisons, over repeats, and over data sets."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from embedkit.errors import EmbedkitError, counted

SIGN_FLIP_REPEATS_MIN = 10
DATASETS_MIN = 10


def holm(p_values: np.ndarray) -> np.ndarray:
    """p-values (m,) corrected for being one family of m (Holm 1979)."""
    m = len(p_values)
    order = np.argsort(p_values, kind="stable")
    stepped = np.maximum.accumulate((m - np.arange(m)) * np.asarray(p_values, dtype=float)[order])
    adjusted = np.empty(m)
    adjusted[order] = np.minimum(stepped, 1)
    return adjusted


def sign_flip_test(differences: np.ndarray) -> float:
    """Two-sided p-value that the paired differences (R,) of repeats are as likely to be negative as positive.

    Exact over all 2^R flips of signs up to R = 13, else over 9,999 of them. It speaks of other label draws on the same
    test images, and of no others.

    Raises
    ------
    EmbedkitError
        With fewer than `SIGN_FLIP_REPEATS_MIN` repeats.
    """
    R = len(differences)
    if R < SIGN_FLIP_REPEATS_MIN:
        raise EmbedkitError(
            f"a sign-flip test needs at least {SIGN_FLIP_REPEATS_MIN} repeats; there are {R}, and p would be "
            f"{2 / 2**R:.2g} or more whatever they show: run more repeats, or use the interval"
        )
    found = stats.permutation_test(
        (np.asarray(differences, dtype=float),), np.mean, permutation_type="samples", n_resamples=9999, rng=0
    )
    return float(found.pvalue)


def average_ranks(scores: pd.DataFrame) -> pd.Series:
    """Mean rank of each column (head) over rows (data sets), 1 the best, equals sharing theirs; the best first."""
    return scores.rank(axis=1, ascending=False).mean().sort_values(kind="stable")


@dataclass(frozen=True)
class Friedman:
    """Whether heads differ over data sets, and by how much average ranks must differ for two of them to do so."""

    statistic: float
    p_value: float
    critical_difference: float


def friedman(scores: pd.DataFrame, alpha: float = 0.05) -> Friedman:
    """Friedman's test and Nemenyi's critical difference (Demsar 2006), with data sets as blocks.

    Parameters
    ----------
    scores : DataFrame
        One row per data set and one column per head, larger is better, nothing missing.

    Raises
    ------
    EmbedkitError
        With fewer than `DATASETS_MIN` data sets, or fewer than 3 heads.
    """
    n, k = scores.shape
    if n < DATASETS_MIN or k < 3:
        raise EmbedkitError(
            f"a Friedman test needs at least {DATASETS_MIN} data sets and 3 heads; there are "
            f"{counted(n, 'data set')} and {counted(k, 'head')}: average ranks can only be described"
        )
    statistic, p_value = stats.friedmanchisquare(*scores.to_numpy().T)
    q = stats.studentized_range.ppf(1 - alpha, k, np.inf) / math.sqrt(2)
    return Friedman(float(statistic), float(p_value), float(q * math.sqrt(k * (k + 1) / (6 * n))))
