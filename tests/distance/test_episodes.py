"""Few-shot episodes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from embedkit.distance.episodes import Episodes, episode_accuracies
from embedkit.distance.metrics import METRICS, make_metric
from embedkit.errors import NotApplicable
from embedkit.spec import parse


def accuracies(X: Any, labels: Any, groups: Any = None, metric: str = "euclidean", **episodes: int) -> np.ndarray:
    asked = Episodes(**{"ways": 2, "shots": 1, "count": 50} | episodes)
    groups = np.arange(len(X)) if groups is None else np.asarray(groups)
    X = np.asarray(X, dtype=np.float32)
    return episode_accuracies(X, np.asarray(labels), groups, make_metric(parse(metric)), asked, seed=0)


@pytest.mark.parametrize("metric", METRICS)
def test_clusters_far_apart_are_always_right(metric: str) -> None:
    labels = np.repeat(np.arange(6), 20)
    X = 100 * np.eye(6)[labels] + np.random.default_rng(0).normal(size=(120, 6))
    assert (accuracies(X, labels, metric=metric, ways=5, shots=5) == 1).all()


def test_random_embeddings_are_at_chance() -> None:
    labels = np.repeat(np.arange(10), 30)
    X = np.random.default_rng(0).normal(size=(300, 8))
    assert accuracies(X, labels, ways=5, shots=5, count=300).mean() == pytest.approx(1 / 5, abs=0.02)


def test_embeddings_that_are_all_equal_are_at_chance() -> None:
    assert accuracies(np.ones((40, 3)), np.repeat([0, 1], 20)).mean() == 0.5


def test_there_are_as_many_episodes_as_asked_and_they_are_the_same_again() -> None:
    labels = np.repeat([0, 1, 2], 10)
    X = np.random.default_rng(0).normal(size=(30, 2)) + labels[:, None]
    first = accuracies(X, labels, count=7)
    assert first.shape == (7,)
    np.testing.assert_array_equal(first, accuracies(X, labels, count=7))


def test_a_query_is_never_of_the_group_of_an_image_it_is_compared_with() -> None:
    """Two places of each class, each with copies: compared with 0 and 11, or 10 and 1, both others are wrong."""
    X = np.repeat([0.0, 10.0, 1.0, 11.0], 5)[:, None]
    labels, groups = np.repeat([0, 0, 1, 1], 5), np.repeat(np.arange(4), 5)
    assert set(accuracies(X, labels, groups)) == {0.0, 0.5}
    assert accuracies(X, labels).min() > 0


def test_too_few_large_classes_are_not_applicable() -> None:
    labels = [0] * 6 + [1] * 5 + [2] * 6
    with pytest.raises(NotApplicable) as told:
        accuracies(np.zeros((17, 1)), labels, ways=3, shots=5)
    assert str(told.value) == (
        "3-way 5-shot episodes need 3 classes with at least 6 tested images, duplicates and groups counted once; "
        "there are 2"
    )


def test_duplicates_do_not_make_a_class_large_enough() -> None:
    with pytest.raises(NotApplicable, match="there are 0"):
        accuracies(np.zeros((8, 1)), [0] * 4 + [1] * 4, groups=[0] * 4 + [1] * 4)
