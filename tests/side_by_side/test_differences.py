from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import embedkit as ek
from embedkit import statistics

Change = Callable[..., Path]


def test_results_beside_themselves_are_the_same(folder: Path) -> None:
    cells = ek.compare_results(folder, folder)
    assert len(cells) == 6
    assert cells["difference"].tolist() == [0] * 6
    assert cells["p_value"].tolist() == cells["p_holm"].tolist() == [1] * 6
    assert cells["equal_predictions"].tolist() == cells["fit_ratio"].tolist() == [1] * 6
    assert set(cells["verdict"]) == {"same"}
    assert set(cells["trials"]) == {3}


def test_a_head_that_lost_what_it_knew_is_worse(folder: Path, other: Path, repredict: Change) -> None:
    repredict(other, "head = 'svm' AND budget = '5'", lambda predicted: 1 - predicted)
    cells = ek.compare_results(folder, other).set_index(["head", "budget"])
    changed = cells.loc[("svm", "5")]
    assert changed["difference"] == pytest.approx(0.8)
    assert changed["equal_predictions"] == 0
    assert changed["verdict"] == "better"
    assert set(cells.drop(("svm", "5"))["verdict"]) == {"same"}
    assert ek.compare_results(other, folder).set_index(["head", "budget"]).loc[("svm", "5"), "verdict"] == "worse"


def test_a_difference_has_the_interval_of_paired_differences(folder: Path, other: Path, repredict: Change) -> None:
    def first_wrong(predicted: np.ndarray) -> np.ndarray:
        return np.where(np.arange(10) == 0, 1 - predicted, predicted)

    repredict(other, "head = 'mlp' AND budget = '1' AND repeat = 0", first_wrong)
    cell = ek.compare_results(folder, other).set_index(["head", "budget"]).loc[("mlp", "1")]
    difference = np.zeros((3, 10))
    difference[0, 0] = 1
    images = statistics.images_for("accuracy", np.repeat([0, 1], 5), np.arange(10))
    expected = statistics.interval(difference, images)
    assert cell["difference"] == pytest.approx(expected.estimate)
    assert cell["high"] - cell["difference"] == pytest.approx(expected.half_width)
    assert cell["equal_predictions"] == pytest.approx(29 / 30)
    assert cell["p_holm"] == pytest.approx(min(1, 6 * cell["p_value"]))
    assert cell["verdict"] == "undecided"


def test_a_wide_margin_makes_a_difference_level(folder: Path, other: Path, repredict: Change) -> None:
    repredict(other, "head = 'svm' AND budget = '5'", lambda predicted: 1 - predicted)
    assert set(ek.compare_results(folder, other, margin=200)["verdict"]) == {"same", "level"}


def test_heads_may_have_different_repeats_in_common(folder: Path, other: Path, sql: Change) -> None:
    sql(other, "DELETE FROM rows WHERE head = 'svm' AND repeat = 2")
    cells = ek.compare_results(folder, other)
    assert cells.groupby("head")["trials"].max().to_dict() == {"forest": 3, "mlp": 3, "svm": 2}
    assert set(cells["verdict"]) == {"same"}


def test_without_pairs_means_are_compared_with_wider_intervals(folder: Path, other: Path, sql: Change) -> None:
    sql(other, "UPDATE rows SET draw_sha256 = 'other'")
    cells = ek.compare_results(folder, other, unpaired=True)
    paired = ek.compare_results(folder, folder)
    assert cells["difference"].tolist() == [0] * 6
    assert (cells["high"] > paired["high"]).all()
    assert cells["equal_predictions"].isna().all()
    assert set(cells["verdict"]) == {"undecided"}


def test_of_numbers_a_smaller_error_is_better(ages: Path, other_ages: Path, repredict: Change) -> None:
    repredict(other_ages, "head = 'forest'", lambda predicted: predicted + 100, "<f4")
    cells = ek.compare_results(ages, other_ages).set_index(["head", "budget"])
    forest = cells.loc[("forest", "10")]
    assert forest["score"] == "mae"
    assert forest["difference"] == pytest.approx(91)  # even images are 9 short, odd ones 11 too far
    assert forest["verdict"] == "better"
    off_by_a_trifle = ek.compare_results(
        ages, repredict(other_ages, "head = 'forest'", lambda predicted: predicted - 100.01, "<f4")
    ).set_index(["head", "budget"])
    assert off_by_a_trifle.loc[("forest", "10"), "verdict"] == "level"  # 1% of 25 is 0.25
