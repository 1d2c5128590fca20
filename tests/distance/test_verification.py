"""ROC AUC and equal error rate over pairs of images."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score, roc_curve

from embedkit.distance import metrics, verification
from embedkit.distance.metrics import distance_rows
from embedkit.distance.verification import verification as verify
from embedkit.errors import NotApplicable


def on_a_line(*places: float) -> metrics.DistanceRows:
    return distance_rows(np.array(places, dtype=np.float32)[:, None], "manhattan")


def clusters(n: int, spread: float = 1.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Four classes around random points in 6 dimensions."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 4, n)
    centres = np.random.default_rng(99).normal(size=(4, 6))
    return (spread * centres[labels] + rng.normal(size=(n, 6))).astype(np.float32), labels


def pairs(X: np.ndarray, labels: np.ndarray, groups: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Whether each pair of different groups is of one class, and how near it is."""
    ((_, distances),) = distance_rows(X, "euclidean")()
    i, j = np.triu_indices(len(X), 1)
    kept = groups[i] != groups[j]
    return (labels[i] == labels[j])[kept], -distances[i, j][kept]


def test_a_case_by_hand() -> None:
    """Alike: 1 and 3 apart; unlike: 2, 3, 5 and 6 apart. Of eight comparisons six are right and one is a tie."""
    scores = verify(on_a_line(0, 1, 3, 6), np.array([0, 0, 1, 1]), np.arange(4))
    assert scores["roc_auc"].estimate == 6.5 / 8
    # up to 2 apart are 1 of 4 unlike pairs and 1 of 2 alike ones; up to 3 apart 2 of 4 and 2 of 2: a third of the way
    # from the first to the second point of the ROC curve both errors are equal
    assert scores["equal_error_rate"].estimate == pytest.approx(1 / 4 + 1 / 4 / 3)


def test_both_agree_with_scikit_learn() -> None:
    X, labels = clusters(150)
    groups = np.arange(150) // 2
    scores = verify(distance_rows(X, "euclidean"), labels, groups)
    alike, nearness = pairs(X, labels, groups)
    assert scores["roc_auc"].estimate == pytest.approx(roc_auc_score(alike, nearness), abs=1e-12)
    false, true, _ = roc_curve(alike, nearness, drop_intermediate=False)
    assert scores["equal_error_rate"].estimate == pytest.approx(np.interp(1, false + true, false), abs=1e-12)


def test_many_images_are_rounded_to_steps_that_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    X, labels = clusters(120)
    exact = verify(distance_rows(X, "euclidean"), labels, np.arange(120))
    monkeypatch.setattr(metrics, "KEPT_IMAGES_MAX", 10)
    monkeypatch.setattr(metrics, "CHUNK_MIB", 0.02)
    monkeypatch.setattr(verification, "KEPT_IMAGES_MAX", 10)
    rows = distance_rows(X, "euclidean")
    assert len(list(rows())) > 3
    stepped = verify(rows, labels, np.arange(120))
    for name, interval in exact.items():
        assert stepped[name].estimate == pytest.approx(interval.estimate, abs=1e-5)
        assert stepped[name].half_width == pytest.approx(interval.half_width, abs=1e-4)


def test_classes_far_apart_are_told_apart_perfectly() -> None:
    scores = verify(on_a_line(0, 1, 100, 101), np.array([0, 0, 1, 1]), np.arange(4))
    assert scores["roc_auc"].estimate == 1
    assert scores["equal_error_rate"].estimate == 0
    assert scores["roc_auc"].half_width == 0


def test_embeddings_that_are_all_equal_tell_nothing() -> None:
    scores = verify(on_a_line(3, 3, 3, 3, 3), np.array([0, 0, 0, 1, 1]), np.arange(5))
    assert scores["roc_auc"].estimate == 0.5
    assert scores["equal_error_rate"].estimate == 0.5


def test_random_embeddings_are_at_chance() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 8)).astype(np.float32)
    scores = verify(distance_rows(X, "euclidean"), rng.integers(0, 5, 400), np.arange(400))
    for interval in scores.values():
        assert interval.estimate == pytest.approx(0.5, abs=0.01)
        assert abs(interval.estimate - 0.5) < interval.half_width


def test_pairs_of_one_group_are_left_out() -> None:
    """Each image has a copy in its group: with the copies, pairs of one class would seem near."""
    places = np.repeat([0.0, 1.0, 2.0, 3.0], 2)
    labels, groups = np.repeat([0, 1, 0, 1], 2), np.repeat(np.arange(4), 2)
    scores = verify(on_a_line(*places), labels, groups)
    alone = verify(on_a_line(0, 1, 2, 3), np.array([0, 1, 0, 1]), np.arange(4))
    assert scores["roc_auc"].estimate == alone["roc_auc"].estimate
    assert scores["roc_auc"].half_width == pytest.approx(alone["roc_auc"].half_width)


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    """The truth: the mean over many samples of 80 images. Coverage in 150 samples: 95% give or take 4 points."""
    drawn = [clusters(80, spread=0.8, seed=seed) for seed in range(150)]
    scores = [verify(distance_rows(X, "euclidean"), labels, np.arange(80)) for X, labels in drawn]
    for name in ("roc_auc", "equal_error_rate"):
        truth = np.mean([score[name].estimate for score in scores])
        covered = np.mean([abs(score[name].estimate - truth) <= score[name].half_width for score in scores])
        assert 0.91 <= covered <= 0.99, name


def test_one_class_or_no_pairs_of_one_class_are_not_applicable() -> None:
    for labels in ([0, 0, 0], [0, 1, 2]):
        with pytest.raises(NotApplicable, match="verification needs two tested images of one class"):
            verify(on_a_line(0, 1, 2), np.array(labels), np.arange(3))
