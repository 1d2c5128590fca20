"""Heads that cannot be told from the best."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from embedkit.statistics.intervals import Images, means, spread


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
    of = {head: means(matrix, images, folds) for head, matrix in correct.items()}
    beaten = set()
    for head, own in of.items():
        for rival in of.values():
            if rival.estimate > own.estimate:
                ahead = spread(rival - own, images)
                if ahead.estimate > ahead.half_width(tail):
                    beaten.add(head)
                    break
    return set(correct) - beaten
