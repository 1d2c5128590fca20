"""Heads that cannot be told from the best."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from embedkit.statistics.images import Images
from embedkit.statistics.intervals import spread


def best_set(
    correct: Mapping[str, np.ndarray], images: Images, folds: np.ndarray | None = None, alpha: float = 0.05
) -> set[str]:
    """The heads that cannot be told from the best.

    A head leaves only if another one beats it, one-sided at alpha / (K - 1) for K heads (Bonferroni), on paired
    differences.
    """
    if len(correct) < 2:
        return set(correct)
    tail = alpha / (len(correct) - 1)
    means = {head: float(matrix.mean(axis=0) @ images.weights) for head, matrix in correct.items()}
    from_best = sorted(correct, key=lambda head: -means[head])
    kept = set()
    for place, head in enumerate(from_best):
        ahead = (spread(correct[rival] - correct[head], images, folds) for rival in from_best[:place])
        if not any(difference.estimate > difference.half_width(tail) for difference in ahead):
            kept.add(head)
    return kept
