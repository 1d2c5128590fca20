"""Does an image find others of its class among all the others?"""

from __future__ import annotations

import numpy as np
from scipy import special

from embedkit.distance.metrics import DistanceRows
from embedkit.errors import NotApplicable
from embedkit.statistics import CONFIDENCE, Interval

RECALL_AT = (1, 5, 10)
BLOCKS = 20


def retrieval(distance_rows: DistanceRows, labels: np.ndarray, groups: np.ndarray) -> dict[str, Interval]:
    """Mean average precision and recall at 1, 5 and 10, with each image as a query against all of other groups.

    Recall at k is the share of queries with one of their class among the first k (as in metric learning). Images at
    equal distance come in random order: recall is its expectation (McSherry and Najork 2008), and average precision
    counts them together, as scikit-learn's does. An image without another of its class outside its group is no query.

    A new image is a query and is also found by others, so an interval over queries alone would be too narrow. This one
    is the delete-a-block jackknife (Shao and Wu 1989): all scores again without each of `BLOCKS` blocks of groups.

    Parameters
    ----------
    distance_rows : callable
        See `DistanceRows`; called once.
    labels, groups : ndarray of int, shape (n,)

    Returns
    -------
    dict of str to Interval
        ``map``, ``recall_at_1``, ``recall_at_5`` and ``recall_at_10``.

    Raises
    ------
    NotApplicable
        Where there are no queries.
    """
    block = _blocks(groups)
    n_blocks = int(block.max()) + 1
    sums, counts = np.zeros((n_blocks + 1, 1 + len(RECALL_AT))), np.zeros(n_blocks + 1)  # the last: nothing left out
    for start, rows in distance_rows():
        for image, distances in enumerate(rows, start):
            others = np.flatnonzero(groups != groups[image])
            others = others[np.argsort(distances[others], kind="stable")]
            ordered, relevant, of_block = distances[others], labels[others] == labels[image], block[others]
            for left_out in range(n_blocks + 1):
                kept = of_block != left_out
                if block[image] != left_out and relevant[kept].any():
                    sums[left_out] += _ranked(ordered[kept], relevant[kept])
                    counts[left_out] += 1
    if not counts[-1]:
        raise NotApplicable("retrieval needs two tested images of one class, of different groups")
    estimates = sums[-1] / counts[-1]
    without = sums[:-1] / np.maximum(counts[:-1], 1)[:, None]  # (n_blocks, scores)
    errors = np.sqrt((n_blocks - 1) * without.var(axis=0))
    t = special.stdtrit(n_blocks - 1, (1 + CONFIDENCE) / 2)
    names = ("map", *(f"recall_at_{k}" for k in RECALL_AT))
    return {name: Interval(float(m), float(t * s)) for name, m, s in zip(names, estimates, errors, strict=True)}


def _blocks(groups: np.ndarray) -> np.ndarray:
    """A block number for each image, at random by group."""
    names, group = np.unique(groups, return_inverse=True)
    return np.random.default_rng(0).permutation(len(names))[group] % BLOCKS


def _ranked(distances: np.ndarray, relevant: np.ndarray) -> tuple[float, ...]:
    """Average precision and recalls of one query, from images that are ordered by distance."""
    last = np.append(np.flatnonzero(distances[1:] > distances[:-1]), len(distances) - 1)  # of those at one distance
    hits = np.cumsum(relevant)[last]
    precision = hits / (last + 1)
    average_precision = float(np.diff(hits, prepend=0) @ precision / hits[-1])
    first = int(np.argmax(hits > 0))
    nearer = 0 if first == 0 else int(last[first - 1]) + 1
    tied, right = int(last[first]) + 1 - nearer, int(hits[first])
    return average_precision, *(_chance_of_one(k - nearer, right, tied) for k in RECALL_AT)


def _chance_of_one(places: int, right: int, tied: int) -> float:
    """That of `tied` images in random order, `right` of which are relevant, one is among the first `places`."""
    if tied == 1 or places <= 0:
        return float(places > 0)
    taken = np.arange(min(places, tied))
    return float(1 - np.prod(np.maximum(tied - right - taken, 0) / (tied - taken)))
