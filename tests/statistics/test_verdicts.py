from __future__ import annotations

import pytest

from embedkit.statistics import Interval, verdict


@pytest.mark.parametrize(
    ("estimate", "half_width", "said"),
    [
        (0.03, 0.02, "better"),
        (-0.03, 0.02, "worse"),
        (0.0, 0.009, "level"),
        (0.004, 0.003, "level"),
        (0.0, 0.02, "undecided"),
        (0.03, 0.04, "undecided"),
    ],
)
def test_a_difference_is_level_only_where_its_whole_interval_is_within_the_margin(
    estimate: float, half_width: float, said: str
) -> None:
    assert verdict(Interval(estimate, half_width)) == said


def test_the_margin_is_in_the_unit_of_the_difference() -> None:
    assert verdict(Interval(0.5, 0.4), margin=1.0) == "level"
    assert verdict(Interval(0.5, 0.4), margin=0.1) == "better"
