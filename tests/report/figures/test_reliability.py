from __future__ import annotations

import numpy as np
import pytest

from embedkit.report.figures.reliability import Reliability, reliability_frame


def test_bins_hold_mean_confidence_and_share_of_right_answers() -> None:
    reliability = Reliability()
    reliability.add(np.array([0.5, 0.5, 1.0, 1.0]), np.array([True, False, True, True]))
    reliability.add(np.array([0.5, 0.5]), np.array([False, False]))
    found = reliability_frame(reliability)
    assert found["confidence"].tolist() == [0.5, 1.0]
    assert found["right"].tolist() == [0.25, 1.0]
    assert found["images"].tolist() == [4, 2]


def test_many_predictions_fall_into_bins_of_about_equal_size() -> None:
    rng = np.random.default_rng(0)
    confidence = rng.uniform(0.2, 1, 15_000)
    reliability = Reliability()
    reliability.add(confidence, rng.random(15_000) < confidence)
    found = reliability_frame(reliability)
    assert len(found) == 15
    assert found["images"].between(900, 1100).all()
    assert found["right"].to_numpy() == pytest.approx(found["confidence"].to_numpy(), abs=0.05)
