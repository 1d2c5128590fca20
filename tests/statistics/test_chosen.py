"""What remains of a score when the head was chosen by it: known worlds, simulated."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtri

from embedkit.statistics import images_for
from embedkit.statistics.chosen import corrected_for_choice, first_level

STUDIES = 150


def study(rng: np.random.Generator, accuracies: np.ndarray, n: int, repeats: int) -> list[np.ndarray]:
    """What heads of known accuracy get right: images are hard, or hard for a head; draws are lucky, or for a head."""
    k = len(accuracies)
    parts = [((1, 1, n), 0.7), ((k, 1, n), 0.5), ((k, repeats, n), 0.4), ((1, repeats, 1), 0.1), ((k, repeats, 1), 0.1)]
    latent = sum(share * rng.normal(size=shape) for shape, share in parts)
    spread = np.sqrt(sum(share**2 for _, share in parts))
    return list((latent < spread * ndtri(accuracies)[:, None, None]).astype(np.int8))


def biases(accuracies: list[float], n: int, repeats: int, margin: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """By how much the score of what is taken is too good, as seen and corrected, in points, in each of many studies."""
    rng = np.random.default_rng(1)
    truth, images = np.array(accuracies), images_for("accuracy", np.zeros(n, dtype=int), np.arange(n))
    seen, corrected = [], []
    for seed in range(STUDIES):
        correct = study(rng, truth, n, repeats)
        means = np.array([matrix.mean() for matrix in correct])
        taken = first_level(means, margin)
        seen.append(means[taken] - truth[taken])
        corrected.append(corrected_for_choice(correct, images, margin, seed) - truth[taken])
    return 100 * np.array(seen), 100 * np.array(corrected)


def standard_error(values: np.ndarray) -> float:
    return float(values.std() / np.sqrt(len(values)))


@pytest.mark.parametrize(("k", "n", "repeats"), [(20, 120, 5), (36, 60, 2)])
def test_of_equal_heads_the_corrected_score_has_no_bias_and_the_best_one_has(k: int, n: int, repeats: int) -> None:
    seen, corrected = biases([0.7] * k, n, repeats)
    assert seen.mean() > 4
    assert abs(corrected.mean()) < 3 * standard_error(corrected)


def test_of_one_that_is_far_better_nothing_is_taken_off() -> None:
    seen, corrected = biases([0.7] * 11 + [0.9], 120, 5)
    assert abs(seen.mean()) < 3 * standard_error(seen)
    assert abs(corrected.mean()) < 3 * standard_error(corrected)
    assert abs((corrected - seen).mean()) < 0.2


def test_of_heads_of_rising_quality_it_is_at_most_a_little_too_low() -> None:
    seen, corrected = biases(list(np.linspace(0.6, 0.75, 12)), 120, 5)
    assert seen.mean() > 1.5
    assert -1.5 < corrected.mean() < 1


def test_taking_the_first_of_level_ones_is_corrected_alike() -> None:
    _, corrected = biases([0.7] * 20, 120, 5, margin=0.01)
    assert abs(corrected.mean()) < 3 * standard_error(corrected)


def test_one_repeat_leaves_out_images_only() -> None:
    images = images_for("accuracy", np.zeros(4, dtype=int), np.arange(4))
    right = np.ones((1, 4), dtype=np.int8)
    assert corrected_for_choice([right, 0 * right], images) == 1


def test_images_of_a_group_are_left_out_together() -> None:
    """Two groups: each head is right on one of them. In the group that a sample holds its choice is right, and beyond
    it never."""
    images = images_for("accuracy", np.zeros(4, dtype=int), np.array([7, 7, 9, 9]))
    first = np.array([[1, 1, 0, 0]])
    assert corrected_for_choice([first, 1 - first], images) == 0


def test_it_is_the_same_each_time() -> None:
    rng = np.random.default_rng(0)
    correct = study(rng, np.full(5, 0.7), 50, 3)
    images = images_for("accuracy", np.zeros(50, dtype=int), np.arange(50))
    assert corrected_for_choice(correct, images) == corrected_for_choice(correct, images)


def test_the_first_within_the_margin_is_taken() -> None:
    assert first_level(np.array([0.80, 0.81, 0.79]), 0.0) == 1
    assert first_level(np.array([0.80, 0.81, 0.79]), 0.015) == 0
    assert first_level(np.array([[0.80, 0.7], [0.81, 0.9]]), 0.0).tolist() == [1, 1]
