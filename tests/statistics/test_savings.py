from __future__ import annotations

import math

import numpy as np
import pytest
from worlds import of_equal_weight

from embedkit.statistics import images_for, label_savings

N_LABELS = [1, 10, 100]


def exactly(*right: int, n: int = 1000, R: int = 5) -> list[np.ndarray]:
    """At each budget, so many of n images right, in every repeat."""
    return [np.tile(np.arange(n) < count, (R, 1)).astype(np.int8) for count in right]


def test_labels_are_read_linearly_in_their_logarithm() -> None:
    found = label_savings(exactly(500, 700, 900), exactly(600, 800, 850), N_LABELS, of_equal_weight(1000))
    needed = [10**0.5, 10**1.5, 10**1.75]
    assert [saving.needed for saving in found] == pytest.approx(needed, rel=1e-5)
    assert [saving.reached_with for saving in found] == N_LABELS
    assert all(saving.low < saving.needed < saving.high for saving in found)


def test_a_head_needs_as_many_labels_as_itself() -> None:
    head = exactly(500, 700, 900)
    found = label_savings(head, head, N_LABELS, of_equal_weight(1000))
    assert [(saving.needed, saving.low, saving.high) for saving in found] == [
        (0, 0, 0), pytest.approx((10, 10, 10), rel=1e-5), pytest.approx((100, 100, 100), rel=1e-5),
    ]  # fmt: skip


def test_nothing_is_extrapolated() -> None:
    found = label_savings(exactly(500, 550, 600), exactly(300, 700, 900), N_LABELS, of_equal_weight(1000))
    assert [saving.needed for saving in found] == [0, math.inf, math.inf]
    assert (found[2].low, found[2].high) == (math.inf, math.inf)


def test_curves_that_fall_are_made_monotone() -> None:
    found = label_savings(exactly(500, 700, 600), exactly(500, 600, 650), N_LABELS, of_equal_weight(1000))
    assert found[1].needed == pytest.approx(10 ** (100 / 150), rel=1e-5)
    assert found[2].needed == pytest.approx(10, rel=1e-5)


def test_balanced_scores_weigh_classes_alike() -> None:
    truth = np.repeat([0, 1], [900, 100])
    images = images_for("balanced_accuracy", truth, np.arange(1000))
    head = [np.tile(np.where(truth == 1, right, 1), (3, 1)) for right in (0, 1)]
    other = [np.tile(np.where(truth == 1, np.arange(1000) % 2, 1), (3, 1))] * 2
    assert label_savings(head, other, [1, 100], images)[0].needed == pytest.approx(10, rel=1e-5)


@pytest.mark.parametrize("R", [3, 10])
def test_intervals_of_savings_cover(R: int) -> None:
    rng, covered = np.random.default_rng(R), []
    for study in range(100):
        of_image, of_draw = 0.15 * rng.uniform(-1, 1, 300), 0.05 * rng.uniform(-1, 1, (2, 3, R, 1))
        p = np.array([[0.4, 0.6, 0.8], [0.5, 0.7, 0.82]])[:, :, None, None] + of_image + of_draw
        head, other = (rng.random((2, 3, R, 300)) < p).astype(np.int8)
        found = label_savings(list(head), list(other), N_LABELS, of_equal_weight(300), seed=study)[1]
        covered.append(found.low <= 10**1.5 <= found.high)
    assert np.mean(covered) >= 0.9
