"""Few-shot episodes: some classes, a few images of each, and the nearest of them for others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from embedkit.distance.metrics import Metric
from embedkit.errors import NotApplicable

QUERIES_MAX = 15


@dataclass(frozen=True)
class Episodes:
    """How many classes, images of each to compare with, and repetitions."""

    ways: int
    shots: int
    count: int

    def __str__(self) -> str:
        return f"{self.ways}-way {self.shots}-shot"


def episode_accuracies(
    X: np.ndarray, labels: np.ndarray, groups: np.ndarray, metric: Metric, episodes: Episodes, seed: int
) -> np.ndarray:
    """Accuracy of each episode: classes and images drawn at random, queries to the class whose centre is nearest.

    As Vinyals et al. (2016) and Snell et al. (2017): `ways` classes, `shots` images of each, up to `QUERIES_MAX` others
    of each as queries. An episode uses at most one image of a group.

    Parameters
    ----------
    X : ndarray of shape (n, d)
    labels, groups : ndarray of int, shape (n,)

    Returns
    -------
    ndarray of shape (episodes.count,)

    Raises
    ------
    NotApplicable
        Where too few classes have enough images.
    """
    classes = _large_enough(labels, groups, episodes)
    rng = np.random.default_rng(seed)
    return np.array([_episode(X, labels, groups, metric, episodes, classes, rng) for _ in range(episodes.count)])


def _large_enough(labels: np.ndarray, groups: np.ndarray, episodes: Episodes) -> np.ndarray:
    """The classes with more groups of their own than shots."""
    pairs = np.unique(np.stack([groups, labels]), axis=1)
    group, number = np.unique(pairs[0], return_counts=True)
    of_one_class = np.isin(pairs[0], group[number == 1])
    sizes = np.bincount(pairs[1, of_one_class], minlength=1)
    classes = np.flatnonzero(sizes > episodes.shots)
    if len(classes) < episodes.ways:
        raise NotApplicable(
            f"{episodes} episodes need {episodes.ways} classes with at least {episodes.shots + 1} tested images, "
            f"duplicates and groups counted once; there are {len(classes)}"
        )
    return classes


def _episode(
    X: np.ndarray,
    labels: np.ndarray,
    groups: np.ndarray,
    metric: Metric,
    episodes: Episodes,
    classes: np.ndarray,
    rng: np.random.Generator,
) -> float:
    from sklearn.metrics import pairwise_distances

    order = rng.permutation(len(X))
    _, first_of_group = np.unique(groups[order], return_index=True)
    order = order[np.sort(first_of_group)]
    centres, queries, truth = [], [], []
    for way, label in enumerate(rng.choice(classes, episodes.ways, replace=False)):
        images = order[labels[order] == label][: episodes.shots + QUERIES_MAX]
        centres.append(metric.centre(X[images[: episodes.shots]]))
        queries.append(images[episodes.shots :])
        truth += [way] * len(queries[-1])
    distances = pairwise_distances(X[np.concatenate(queries)], np.stack(centres), metric=metric.pairwise)
    return float(np.mean(distances.argmin(axis=1) == truth))
