from __future__ import annotations

import math

import pytest

from embedkit.report.numbers import cell_text, difference_text, labels_text, listed, margin_text, seconds_text
from embedkit.statistics import Interval


@pytest.mark.parametrize(
    ("estimate", "half_width", "shown"),
    [
        (12345.6, 78.9, "12346 ±79"),
        (0.012345, 0.00678, "0.0123 ±0.0068"),
        (0.0, 0.0, "0 ±0"),
        (9.996, 1, "10.0 ±1.0"),
    ],
)
def test_errors_have_three_significant_digits_and_their_intervals_as_many_decimals(
    estimate: float, half_width: float, shown: str
) -> None:
    assert cell_text(Interval(estimate, half_width), "mae") == shown


@pytest.mark.parametrize(
    ("score", "shown"), [("accuracy", "+3.2 ±1.0"), ("balanced_accuracy", "+3.2 ±1.0"), ("mae", "+0.0321 ±0.0100")]
)
def test_differences_are_shown_in_points_or_in_units_of_the_target(score: str, shown: str) -> None:
    assert difference_text(Interval(0.0321, 0.01), score) == shown


@pytest.mark.parametrize(
    ("margin", "score", "shown"),
    [(0.01, "accuracy", "1 point"), (0.005, "accuracy", "0.5 points"), (0.25, "mae", "0.250")],
)
def test_margins_are_shown_in_points_or_in_units_of_the_target(margin: float, score: str, shown: str) -> None:
    assert margin_text(margin, score) == shown


@pytest.mark.parametrize(
    ("count", "shown"), [(0, "≤1"), (1, "≤1"), (1.234, "1.2"), (99.6, "100"), (234.5, "234"), (math.inf, ">250")]
)
def test_numbers_of_labels_stay_within_what_was_tried(count: float, shown: str) -> None:
    assert labels_text(count, 1, 250) == shown


@pytest.mark.parametrize(("words", "shown"), [(["a"], "a"), (["a", "b", "c"], "a, b and c")])
def test_words_are_listed(words: list[str], shown: str) -> None:
    assert listed(words) == shown


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0.0, "0 µs"),
        (0.00000412, "4.12 µs"),
        (0.00004, "40.0 µs"),
        (0.0009999, "1.00 ms"),
        (0.017, "17.0 ms"),
        (7.5489, "7.55 s"),
        (1234.6, "1235 s"),
    ],
)
def test_a_time_has_three_significant_digits(seconds: float, told: str) -> None:
    assert seconds_text(seconds) == told
