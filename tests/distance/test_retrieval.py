"""Mean average precision and recall at k, with each image as a query."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from embedkit.distance.metrics import DistanceRows, distance_rows
from embedkit.distance.retrieval import retrieval
from embedkit.errors import NotApplicable


def on_a_line(*places: float) -> DistanceRows:
    return distance_rows(np.array(places, dtype=np.float32)[:, None], "manhattan")


def estimates(rows: DistanceRows, labels: list[int], groups: list[int] | None = None) -> dict[str, float]:
    found = retrieval(rows, np.array(labels), np.arange(len(labels)) if groups is None else np.array(groups))
    return {name: interval.estimate for name, interval in found.items()}


def test_a_case_by_hand() -> None:
    scores = estimates(on_a_line(0, 1, 3), [0, 1, 0])
    # from 0 and from 3 the wrong image at 1 comes first, then the right one: precision 1/2; the image at 1 is no query
    assert scores == {"map": 0.5, "recall_at_1": 0.0, "recall_at_5": 1.0, "recall_at_10": 1.0}


def test_average_precision_is_that_of_scikit_learn_and_recall_that_of_counting() -> None:
    rng = np.random.default_rng(0)
    X, labels = rng.normal(size=(80, 5)).astype(np.float32), rng.integers(0, 6, 80)
    X[:, 0] += labels
    groups = np.arange(80) // 2
    scores = estimates(distance_rows(X, "euclidean"), list(labels), list(groups))
    ((_, distances),) = distance_rows(X, "euclidean")()
    precisions, firsts = [], []
    for i in range(80):
        others = groups != groups[i]
        relevant = labels[others] == labels[i]
        precisions.append(average_precision_score(relevant, -distances[i, others]))
        firsts.append(int(np.argmax(relevant[np.argsort(distances[i, others])])))
    assert scores["map"] == pytest.approx(np.mean(precisions))
    for k in (1, 5, 10):
        assert scores[f"recall_at_{k}"] == pytest.approx(np.mean(np.array(firsts) < k))


def test_classes_far_apart_are_found_perfectly() -> None:
    rows = on_a_line(0, 1, 2, 100, 101, 102)
    found = retrieval(rows, np.array([0, 0, 0, 1, 1, 1]), np.arange(6))
    assert {(interval.estimate, interval.half_width) for interval in found.values()} == {(1.0, 0.0)}


def test_images_at_one_distance_come_in_random_order_whatever_their_place_in_the_data() -> None:
    """Every query has 9 others at one distance, 4 of its class: recall at 1 is 4/9, at 5 all but the 1 wrong draw."""
    scores = estimates(on_a_line(*[7] * 10), [0] * 5 + [1] * 5)
    assert scores["map"] == pytest.approx(4 / 9)
    assert scores["recall_at_1"] == pytest.approx(4 / 9)
    assert scores["recall_at_5"] == pytest.approx(1 - 1 / 126)
    assert scores["recall_at_10"] == 1


def test_images_of_one_group_do_not_find_each_other() -> None:
    """Copies at distance 0 would be found first; without them the nearest is of the other class."""
    scores = estimates(on_a_line(0, 0, 1, 1, 2, 2), [0, 0, 1, 1, 0, 0], [0, 0, 1, 1, 2, 2])
    assert scores["recall_at_1"] == 0
    assert scores["map"] == pytest.approx(2 / 4)


def test_intervals_are_over_new_images() -> None:
    """Over queries alone they would hold the truth of the mean average precision in about three of four samples."""
    centres = np.random.default_rng(99).normal(size=(4, 6))
    found = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        labels = rng.integers(0, 4, 40)
        X = (0.8 * centres[labels] + rng.normal(size=(40, 6))).astype(np.float32)
        found.append(retrieval(distance_rows(X, "euclidean"), labels, np.arange(40))["map"])
    truth = np.mean([interval.estimate for interval in found])
    assert np.mean([abs(interval.estimate - truth) <= interval.half_width for interval in found]) >= 0.92


def test_without_two_images_of_a_class_retrieval_is_not_applicable() -> None:
    with pytest.raises(NotApplicable, match="retrieval needs two tested images of one class, of different groups"):
        estimates(on_a_line(0, 1, 2, 3), [0, 0, 1, 1], [0, 0, 1, 1])
