"""How many labels one head needs for what another one reaches."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import optimize, special

from embedkit.statistics.images import Images
from embedkit.statistics.intervals import CONFIDENCE

SAMPLES = 500
ROUNDING = 1e-6
"""Means are taken in float32."""


@dataclass(frozen=True)
class LabelSavings:
    """How many labels one head needs for what another reaches with `reached_with`, with its interval.

    Nothing is extrapolated: infinity stands for more than the largest budget, 0 for at most the smallest one.
    """

    reached_with: float
    needed: float
    low: float
    high: float


def label_savings(
    head: Sequence[np.ndarray],
    other: Sequence[np.ndarray],
    n_labels: Sequence[float],
    images: Images,
    confidence: float = CONFIDENCE,
    seed: int = 0,
) -> list[LabelSavings]:
    """How many labels `head` needs for what `other` reaches at each budget.

    Learning curves are made monotone (isotonic regression) and read linearly in the logarithm of the number of labels.
    Repeats and images are resampled together, the same ones for all budgets and both heads (the pigeonhole bootstrap,
    Owen 2007); deviations of the repeats are stretched by sqrt(R / (R - 1)) t_{R-1} / z, so that few of them count as
    in an interval.

    Parameters
    ----------
    head, other : sequences of ndarray of shape (R, n)
        What both got right at each budget, from few labels to many.
    n_labels : sequence of float
        How many labels each budget has, increasing.
    """
    rng = np.random.default_rng(seed)
    of_draws = _draw_weights(len(head[0]), confidence, rng)  # (1 + S, R): the first is the sample itself
    of_images = _image_weights(images, rng)  # (1 + S, n)
    curves = [_monotone(_sampled(matrices, of_draws, of_images)) for matrices in (head, other)]
    needed = np.array([_inverse(own, theirs, np.log(n_labels)) for own, theirs in zip(*curves, strict=True)])
    tails = (1 - confidence) / 2, (1 + confidence) / 2
    low, high = np.quantile(needed[1:], tails, axis=0, method="inverted_cdf")
    return [
        LabelSavings(float(n), float(needed[0, at]), float(low[at]), float(high[at])) for at, n in enumerate(n_labels)
    ]


def _draw_weights(R: int, confidence: float, rng: np.random.Generator) -> np.ndarray:
    stretch = 0.0
    if R > 1:
        tail = (1 + confidence) / 2
        stretch = math.sqrt(R / (R - 1)) * special.stdtrit(R - 1, tail) / special.ndtri(tail)
    drawn = rng.multinomial(R, np.full(R, 1 / R), size=SAMPLES)
    return np.vstack([np.ones(R), 1 + stretch * (drawn - 1)]) / R


def _image_weights(images: Images, rng: np.random.Generator) -> np.ndarray:
    """Groups weigh at random (the Bayesian bootstrap, Rubin 1981); images of a stratum weigh together what they did."""
    drawn = rng.standard_exponential((1 + SAMPLES, images.group.max() + 1), dtype=np.float32)
    drawn[0] = 1
    weights = drawn[:, images.group]
    for stratum in np.unique(images.stratum):
        inside = np.flatnonzero(images.stratum == stratum)
        weights[:, inside] /= weights[:, inside].mean(axis=1, keepdims=True)
    return weights * (images.weights / len(images.weights)).astype(np.float32)


def _sampled(matrices: Sequence[np.ndarray], of_draws: np.ndarray, of_images: np.ndarray) -> np.ndarray:
    """Learning curves of the samples, (1 + S, budgets)."""
    per_draw = [of_images @ matrix.T.astype(np.float32) for matrix in matrices]  # of (1 + S, R)
    return np.stack([np.sum(of_draws * scores, axis=1) for scores in per_draw], axis=1)


def _monotone(curves: np.ndarray) -> np.ndarray:
    falls = np.flatnonzero(np.any(np.diff(curves, axis=1) < 0, axis=1))
    for sample in falls:
        curves[sample] = optimize.isotonic_regression(curves[sample]).x
    return curves


def _inverse(curve: np.ndarray, reached: np.ndarray, log_n: np.ndarray) -> np.ndarray:
    """Where the monotone `curve` first reaches each value: 0 from its beginning on, infinity nowhere."""
    after = np.searchsorted(curve, reached - ROUNDING)
    inside = np.clip(after, 1, max(len(curve) - 1, 1))
    if len(curve) == 1:
        return np.where(after == 0, 0.0, math.inf)
    below, above = curve[inside - 1], curve[inside]
    share = np.clip((reached - below) / np.where(above > below, above - below, 1), 0, 1)
    between = np.exp(log_n[inside - 1] + share * (log_n[inside] - log_n[inside - 1]))
    return np.where(after == 0, 0.0, np.where(after == len(curve), math.inf, between))
