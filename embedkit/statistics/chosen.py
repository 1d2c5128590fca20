"""What remains of a score when the head was chosen by it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from embedkit.statistics.intervals import Images

RESAMPLES = 500
_CHUNK_NUMBERS = 2**22


def first_level(means: np.ndarray, margin: float) -> np.ndarray:
    """The candidate that is taken: of those at most `margin` below the best, the first; from (K, ...) to (...)."""
    return (means >= means.max(axis=0) - margin).argmax(axis=0)


def corrected_for_choice(correct: Sequence[np.ndarray], images: Images, margin: float = 0.0, seed: int = 0) -> float:
    """The mean of the candidate that `first_level` takes, without what it owes to being chosen on these images.

    The best of many has been lucky too. So the choice is made again on bootstrap samples, and each choice is judged on
    what its sample left out (Tsamardinos et al. 2018, Machine Learning 107, section 4): images, in whole groups, and
    repeats are drawn anew, and a choice is judged on images that were not drawn, in repeats that were not. Where all
    candidates are equal this has no bias; where they are not, samples choose a little worse than all images do, and it
    is a little too low.

    Parameters
    ----------
    correct : sequence of ndarray of shape (R, n)
        What each candidate got right, those that are taken first where they are level in front.
    """
    rng = np.random.default_rng(seed)
    n_repeats, n = correct[0].shape
    stacked = np.stack(correct).astype(np.float32)  # (K, R, n)
    _, group = np.unique(images.groups, return_inverse=True)
    size = max(1, min(RESAMPLES, _CHUNK_NUMBERS // n))
    found: list[np.ndarray] = []
    for start in range(0, RESAMPLES, size):
        b = min(size, RESAMPLES - start)
        drawn = _drawn(rng, int(group.max()) + 1, b)[group]  # (n, b)
        repeats = _drawn(rng, n_repeats, b) if n_repeats > 1 else np.ones((1, b))
        aside = repeats == 0 if n_repeats > 1 else np.ones((1, b))
        chosen = first_level(_means(stacked, repeats, drawn, images.weights), margin)
        found.append(_means(stacked, aside, drawn == 0, images.weights)[chosen, np.arange(b)])
    return float(np.concatenate(found).mean())


def _drawn(rng: np.random.Generator, n: int, b: int) -> np.ndarray:
    """How often each of n is drawn in b bootstrap samples, (n, b); some are left out of every sample."""
    counts = rng.multinomial(n, np.full(n, 1 / n), size=b)
    while (complete := (counts > 0).all(axis=1)).any():
        counts[complete] = rng.multinomial(n, np.full(n, 1 / n), size=int(complete.sum()))
    return counts.T


def _means(stacked: np.ndarray, of_repeats: np.ndarray, of_images: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted means (K, b) of (K, R, n) by numbers (R, b) and (n, b)."""
    weighted = (of_images * weights[:, None]).astype(np.float32)
    per_repeat = stacked @ weighted / weighted.sum(axis=0)  # (K, R, b)
    return np.einsum("krb,rb->kb", per_repeat, of_repeats / of_repeats.sum(axis=0))
