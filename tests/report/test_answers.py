from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest

from embedkit.outcomes import Measured, Outcomes, read_outcomes, study_rows
from embedkit.report.answers import AGAINST, CALIBRATION, Answers, answers_for, calibration, label_scale
from embedkit.statistics import Crossover, holm, images_for, squared_misses


def outcomes(right: dict[str, dict[str, int]], n: int = 1000, **parts: object) -> Outcomes:
    """By head and budget so many of n images right, in each of five repeats."""
    budgets = list(dict.fromkeys(budget for by_budget in right.values() for budget in by_budget))
    measured = {
        (head, budget): Measured(np.tile(np.arange(n) < count, (5, 1)).astype(np.int8), None, (0, 1, 2, 3, 4))
        for head, by_budget in right.items()
        for budget, count in by_budget.items()
    }
    images = images_for("accuracy", np.zeros(n, dtype=np.int64), np.arange(n))
    ids = [str(i) for i in range(n)]
    place = ("photos", "pixels", "float32", "cv", "accuracy")
    made = Outcomes(*place, images, ids, list(right), budgets, measured, dict.fromkeys(budgets, 10.0), {})
    return dataclasses.replace(made, **parts)


CATCHES_UP = {
    "linear": {"1": 300, "10": 500, "100": 700},
    "mlp": {"1": 400, "10": 600, "100": 900},
    "svm": {"1": 500, "10": 700, "100": 800},
    "finetune": {"1": 950, "10": 950, "100": 950},
}


def answered(of: Outcomes) -> Answers:
    answers = answers_for(of)
    assert answers is not None
    return answers


def test_mlp_stands_for_the_fully_connected_heads_against_the_classical_ones() -> None:
    answers = answered(outcomes(CATCHES_UP))
    assert answers.head == "mlp"
    assert answers.crossover == Crossover("crosses", "100", "100")
    needed = [10**0.5, 10 ** (1 + 1 / 3), 10 ** (1 + 2 / 3)]
    assert [saving.needed for saving in answers.savings] == pytest.approx(needed, rel=1e-4)


def test_without_mlp_the_first_fully_connected_head_stands_for_them() -> None:
    answers = answered(outcomes({"linear": {"1": 300}, "svm": {"1": 500}}))
    assert answers.head == "linear"
    assert answers.crossover.status == "never within the budgets tried"
    assert answers.savings == []


def test_all_heads_at_all_budgets_are_one_family() -> None:
    against = answered(outcomes(CATCHES_UP)).against
    assert list(against) == AGAINST
    assert len(against) == 9
    np.testing.assert_allclose(against["p_holm"], holm(against["p_value"].to_numpy()))
    verdicts = against.set_index(["head", "budget"])["verdict"]
    assert (verdicts["svm", "1"], verdicts["svm", "100"], verdicts["linear", "1"]) == ("worse", "better", "better")


def test_what_holm_does_not_confirm_is_undecided() -> None:
    alone = answered(outcomes({"mlp": {"1": 507}, "svm": {"1": 500}})).against
    among = answered(outcomes({"mlp": {"1": 507}} | {f"svm(C={i})": {"1": 500} for i in range(1, 10)})).against
    assert alone["verdict"].tolist() == ["better"]
    assert among["p_value"].tolist() == alone["p_value"].tolist() * 9
    assert among["verdict"].tolist() == ["undecided"] * 9


@pytest.mark.parametrize("change", [{"selection": "oracle"}, {"heads": ["svm"]}, {"heads": ["mlp"]}])
def test_no_answers_without_heads_to_compare_or_where_test_images_chose(change: dict[str, object]) -> None:
    made = outcomes(CATCHES_UP, **change)
    measured = {place: m for place, m in made.measured.items() if place[0] in made.heads}
    assert answers_for(dataclasses.replace(made, measured=measured)) is None


def test_the_margin_of_errors_is_a_hundredth_of_that_of_saying_the_median(ages: Path) -> None:
    (made,) = read_outcomes(ages, study_rows(ages))
    assert answered(made).margin == pytest.approx(0.25)


def test_labels_count_per_class_only_where_all_budgets_do(ages: Path) -> None:
    assert label_scale(outcomes(CATCHES_UP)) == ({"1": 1.0, "10": 10.0, "100": 100.0}, "labels per class")
    (made,) = read_outcomes(ages, study_rows(ages))
    assert label_scale(made) == ({"10": 10.0, "all": 40.0}, "labels")


def test_confidences_are_judged_where_there_are_any() -> None:
    made = outcomes({"mlp": {"1": 800}, "svm": {"1": 700}})
    sure = np.full((5, 1000), 0.8, dtype=np.float32)
    made.measured["mlp", "1"] = dataclasses.replace(made.measured["mlp", "1"], confidence=sure)
    (row,) = calibration(made).to_dict("records")
    assert list(row) == CALIBRATION
    assert row["brier"] == pytest.approx(np.mean(squared_misses(sure, made.measured["mlp", "1"].correct)))
    assert row["brier"] == pytest.approx(0.16)
    assert row["calibration_error"] == pytest.approx(0, abs=1e-6)
    assert math.isfinite(row["half_width"])
