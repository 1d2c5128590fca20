from __future__ import annotations

import numpy as np
import pytest

from embedkit.statistics import calibration_error, squared_misses


def of_calibrated_head(n: int, R: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    confidence = rng.uniform(0.4, 1, (R, n))
    return confidence, (rng.random((R, n)) < confidence).astype(np.int8)


def plain_error(confidence: np.ndarray, correct: np.ndarray) -> float:
    order = np.argsort(confidence)
    bins = [np.mean(confidence[part]) - np.mean(correct[part]) for part in np.array_split(order, 15)]
    return float(np.mean(np.abs(bins)))


def test_the_plain_error_of_a_perfectly_calibrated_head_is_a_tenth_at_60_images() -> None:
    found = [plain_error(*pair) for pair in zip(*of_calibrated_head(60, 500), strict=True)]
    assert 0.1 < np.mean(found) < 0.17


def test_a_perfectly_calibrated_head_has_next_to_no_error() -> None:
    squares = [calibration_error(*of_calibrated_head(500, 10, seed)) for seed in range(20)]
    plain = [plain_error(*pair) for pair in zip(*of_calibrated_head(500, 20), strict=True)]
    assert np.mean(squares) < 0.3 * np.mean(plain)


@pytest.mark.parametrize("off", [0.05, 0.2])
def test_a_head_that_is_too_sure_by_so_much_everywhere_has_that_error(off: float) -> None:
    confidence, correct = of_calibrated_head(2000, 10)
    assert calibration_error(confidence + off, correct) == pytest.approx(off, abs=0.01)


def test_confidences_that_are_all_equal_share_a_bin() -> None:
    correct = np.tile(np.arange(600) < 300, (2, 1)).astype(int)
    assert calibration_error(np.full((2, 600), 0.5), correct) == 0
    assert calibration_error(np.full((2, 600), 0.8), correct) == pytest.approx(0.3, abs=0.001)


def test_below_500_images_it_is_hidden() -> None:
    assert calibration_error(*of_calibrated_head(499, 3)) is None
    assert calibration_error(*of_calibrated_head(500, 3)) is not None


def test_squared_misses_are_the_brier_score_of_being_right() -> None:
    np.testing.assert_allclose(squared_misses(np.array([[0.9, 0.6]]), np.array([[1, 0]])), [[0.01, 0.36]])
