from __future__ import annotations

import math

import pandas as pd
import pytest

from embedkit.report.answers import AGAINST, CALIBRATION, Answers
from embedkit.report.gains import Gain, Gains
from embedkit.report.sentences import (
    against_sentence,
    calibration_sentence,
    crossover_sentence,
    gains_sentence,
    savings_sentence,
)
from embedkit.statistics import Crossover, Interval, LabelSavings


def answers(
    crossover: Crossover | None = None,
    savings: list[LabelSavings] | None = None,
    against: list[tuple[object, ...]] | None = None,
    calibration: list[tuple[object, ...]] | None = None,
) -> Answers:
    return Answers(
        "mlp",
        0.01,
        crossover or Crossover("not decided", "1", None),
        savings or [],
        {"1": 1.0, "5": 5.0, "25": 25.0},
        "labels per class",
        pd.DataFrame(against or [], columns=AGAINST),
        pd.DataFrame(calibration or [], columns=CALIBRATION),
    )


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (("crosses", "1", "1"), "At no budget tried is mlp behind a classical head by more than 1 point."),
        (
            ("crosses", "5", "25"),
            "mlp is behind no classical head by more than 1 point from somewhere between 5 and 25 labels per class on.",
        ),
        (("crosses", "25", "25"), "mlp is behind no classical head by more than 1 point from 25 labels per class on."),
        (
            ("never within the budgets tried", None, None),
            "Within the budgets tried some classical head stays ahead of mlp by more than 1 point.",
        ),
        (
            ("not decided", "1", None),
            "It is not decided from how many labels per class on mlp is behind no classical head by more than 1 point.",
        ),
        (
            ("not decided", "5", None),
            "It is not decided from how many labels per class on mlp is behind no classical head by more than 1 point; "
            "not before 5.",
        ),
    ],
)
def test_the_crossover_in_words(found: tuple[str, str | None, str | None], told: str) -> None:
    assert crossover_sentence(answers(Crossover(*found)), "accuracy") == told  # type: ignore[arg-type]


def test_label_savings_in_words() -> None:
    savings = [
        LabelSavings(1, 0, 0, 1.5),
        LabelSavings(5, 7.3, 4.2, 16),
        LabelSavings(25, math.inf, math.inf, math.inf),
    ]
    assert savings_sentence(answers(savings=savings)) == (
        "For what the best classical head reaches with 1, 5 and 25 labels per class, mlp needs ≤1 (≤1 to 1.5), "
        "7.3 (4.2 to 16) and >25."
    )


def test_without_savings_nothing_is_said() -> None:
    assert savings_sentence(answers()) == ""


def test_head_against_head_in_words() -> None:
    rows = [
        ("svm", "1", -0.05, 0.01, 0.0, 0.0, "worse"), ("lda", "1", -0.09, 0.01, 0.0, 0.0, "worse"),
        ("svm", "5", -0.04, 0.01, 0.0, 0.0, "worse"), ("lda", "5", 0.0, 0.001, 0.9, 1.0, "level"),
        ("knn", "5", 0.1, 0.01, 0.0, 0.0, "better"),
    ]  # fmt: skip
    assert against_sentence(answers(against=rows), "accuracy") == (
        "mlp against each head at each budget (one family, Holm), of 5: ahead in 1, behind in 3 (lda at 1; "
        "svm at 1, 5), level within 1 point in 1."
    )


def test_of_many_heads_ahead_the_first_four_are_named() -> None:
    rows = [(f"svm(C={i})", "1", -0.01 * i, 0.001, 0.0, 0.0, "worse") for i in range(1, 8)]
    named = "(svm(C=7) at 1; svm(C=6) at 1; svm(C=5) at 1; svm(C=4) at 1; "
    assert f"{named}3 more heads)" in against_sentence(answers(against=rows), "accuracy")
    assert f"{named}1 more head)" in against_sentence(answers(against=rows[2:]), "accuracy")


def test_confidences_in_words() -> None:
    rows = [
        ("knn", "1", 0.5, 0.01, None), ("knn", "25", 0.2, 0.01, 0.1), ("mlp", "25", 0.12, 0.01, 0.02),
        ("lda", "25", 0.15, 0.01, 0.03),
    ]  # fmt: skip
    assert calibration_sentence(answers(calibration=rows)) == (
        "Most to be believed at 25, by the Brier score of being right: mlp (0.120 ±0.010, calibration error 0.020) and "
        "lda (0.150 ±0.010, calibration error 0.030); least knn (0.200 ±0.010, calibration error 0.100)."
    )


def test_calibration_errors_that_are_hidden_are_told() -> None:
    assert calibration_sentence(answers(calibration=[("mlp", "25", 0.12, 0.01, None)])).endswith(
        "mlp (0.120 ±0.010); too few test images for calibration errors."
    )


def test_without_probabilities_nothing_is_said_of_confidences() -> None:
    assert calibration_sentence(answers()) == ""


def test_gains_in_words() -> None:
    gains = Gains(
        "photos", "resnet50", "int8", "cv", "mlp", "5 labels per class", "accuracy",
        [
            Gain("labels", "10 labels per class", 1, Interval(0.061, 0.004), "better"),
            Gain("head", "svm", 3, Interval(0.012, 0.005), "better"),
            Gain("backbone", "pixels", 1, Interval(-0.2, 0.03), "worse"),
        ],
    )  # fmt: skip
    assert gains_sentence(gains) == (
        "What mlp on resnet50 | int8 would gain at 5 labels per class, in points: 10 labels per class +6.1 ±0.4; "
        "another head (the best of 3, mostly svm) +1.2 ±0.5; another backbone (pixels) -20.0 ±3.0."
    )
