from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from embedkit.outcomes import study_rows
from embedkit.side_by_side.judgement import judge
from embedkit.side_by_side.pairs import Side

Change = Callable[..., Path]
PIXELS = ("photos", "pixels")


def side(folder: Path) -> Side:
    return Side(folder, study_rows(folder))


def judged(rerun: Path, reference: Path, *by_machine: tuple[str, str]) -> pd.DataFrame:
    return judge(side(rerun), side(reference), by_machine).set_index(["head", "budget"])


def one_other(predicted: np.ndarray) -> np.ndarray:
    return np.where(np.arange(10) == 0, 1 - predicted, predicted)


def test_the_same_is_verified_by_the_rule_of_each_head(folder: Path, other: Path) -> None:
    cells = judged(folder, other)
    assert set(cells["verdict"]) == {"verified"}
    assert cells["rule"].to_dict() == {
        ("svm", "1"): "equal", ("svm", "5"): "equal", ("mlp", "1"): "level", ("mlp", "5"): "level",
        ("forest", "1"): "level", ("forest", "5"): "level",
    }  # fmt: skip
    assert cells["trials"].tolist() == cells["pairs"].tolist() == [3] * 6
    assert cells["equal_predictions"].tolist() == [1] * 6


def test_a_head_without_chance_may_not_predict_otherwise(folder: Path, other: Path, repredict: Change) -> None:
    repredict(folder, "head = 'svm' AND budget = '5' AND repeat = 0", one_other)
    cells = judged(folder, other)
    assert cells.loc[("svm", "5"), "equal_predictions"] == pytest.approx(29 / 30)
    assert cells.loc[("svm", "5"), "difference"] == pytest.approx(-1 / 30)
    assert cells.loc[("svm", "5"), "verdict"] == "refuted"
    assert set(cells.drop(("svm", "5"))["verdict"]) == {"verified"}


def test_on_an_embedding_that_depends_on_the_machine_the_interval_decides(
    folder: Path, other: Path, repredict: Change
) -> None:
    repredict(folder, "head = 'svm' AND budget = '5' AND repeat = 0", one_other)
    repredict(folder, "head = 'svm' AND budget = '1'", lambda predicted: 1 - np.repeat([0, 1], 5))
    cells = judged(folder, other, PIXELS)
    assert set(cells.loc["svm", "rule"]) == {"equal or level"}
    assert cells.loc[("svm", "5"), "verdict"] == "undecided"
    assert cells.loc[("svm", "1"), "difference"] == pytest.approx(-0.5)


def test_a_head_with_chance_may_predict_otherwise_but_not_worse(folder: Path, other: Path, repredict: Change) -> None:
    repredict(folder, "head = 'mlp' AND budget = '1' AND repeat = 0", one_other)
    repredict(folder, "head = 'mlp' AND budget = '5'", lambda predicted: 1 - predicted)
    cells = judged(folder, other)
    assert cells.loc[("mlp", "1"), "verdict"] == "undecided"
    assert cells.loc[("mlp", "5"), "verdict"] == "refuted"
    assert cells.loc[("mlp", "5"), "difference"] == pytest.approx(-0.8)


@pytest.mark.parametrize(
    ("changed", "wrong"),
    [
        ("draw_sha256 = 'other'", "other label draws in 1 of 3 trials"),
        ("status = 'failed', error = 'ValueError: no luck'", "failed (ValueError: no luck) in 1 of 3 trials"),
        ("status = 'not_applicable'", "not applicable in 1 of 3 trials"),
    ],
)
def test_a_trial_that_is_no_pair_refutes_its_cell(
    folder: Path, other: Path, sql: Change, changed: str, wrong: str
) -> None:
    sql(folder, f"UPDATE rows SET {changed} WHERE head = 'svm' AND budget = '5' AND repeat = 1")
    cells = judged(folder, other)
    assert cells.loc[("svm", "5"), ["trials", "pairs", "wrong", "verdict"]].tolist() == [3, 2, wrong, "refuted"]
    assert cells.loc[("svm", "5"), "equal_predictions"] == 1
    assert cells.drop(("svm", "5"))["wrong"].tolist() == [""] * 5


def test_other_test_images_leave_nothing_to_compare(folder: Path, other: Path) -> None:
    theirs = side(other)
    theirs.rows["test_sha256"] = "s" * 64
    cells = judge(side(folder), theirs, ())
    assert set(cells["wrong"]) == {"other test images in 3 of 3 trials"}
    assert set(cells["verdict"]) == {"refuted"}
    assert cells["equal_predictions"].isna().all()


def test_what_is_not_applicable_on_both_sides_is_no_cell(folder: Path, other: Path, sql: Change) -> None:
    for results in (folder, other):
        sql(results, "UPDATE rows SET status = 'not_applicable' WHERE head = 'forest'")
    assert set(judged(folder, other).index.get_level_values("head")) == {"mlp", "svm"}


def test_numeric_targets_are_judged_in_their_unit(ages: Path, other_ages: Path, repredict: Change) -> None:
    repredict(ages, "head = 'forest'", lambda predicted: predicted - 0.01, "<f4")
    cells = judged(ages, other_ages)
    assert cells.loc[("forest", "10"), ["rule", "verdict"]].tolist() == ["level", "verified"]
    assert cells.loc[("forest", "10"), "equal_predictions"] < 1
