from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

import embedkit as ek
from embedkit import results
from embedkit.report.summary import summarise


def test_cells_are_means_in_percent(folder: Path) -> None:
    (table,) = summarise(folder).tables
    estimates = {place: cell.interval.estimate for place, cell in table.cells.items()}
    assert estimates == pytest.approx(
        {
            ("mlp", "1"): 40, ("mlp", "5"): 90, ("svm", "1"): 50, ("svm", "5"): 90, ("forest", "1"): 20,
            ("forest", "5"): 60,
        }
    )  # fmt: skip


def test_the_half_width_is_that_of_ten_images_where_repeats_agree(folder: Path) -> None:
    (table,) = summarise(folder).tables
    assert table.cells["svm", "1"].interval.half_width == pytest.approx(100 * 1.959964 * (0.25 / 9) ** 0.5, rel=1e-4)


def test_heads_stand_in_the_order_of_the_list_of_heads(folder: Path) -> None:
    (table,) = summarise(folder).tables
    assert table.heads == ["mlp", "svm", "forest"]
    assert table.budgets == ["1", "5"]


def test_a_head_that_is_clearly_worse_is_not_among_the_best(folder: Path) -> None:
    (table,) = summarise(folder).tables
    best = {place for place, cell in table.cells.items() if cell.among_best}
    assert best == {("mlp", "1"), ("svm", "1"), ("mlp", "5"), ("svm", "5")}


def test_standing_is_the_difference_to_the_champion_of_each_family(folder: Path) -> None:
    (table,) = summarise(folder).tables
    standing = {name: [by[b].estimate for b in ("1", "5")] for name, by in table.standing.items()}
    assert standing == {"SVM": pytest.approx([-10, 0]), "trees": pytest.approx([20, 30])}


def test_only_the_trials_asked_for_are_summarised(folder: Path) -> None:
    keys = ek.load_results(folder).query("head == 'svm'")["key"]
    (table,) = summarise(folder, keys=keys).tables
    assert table.heads == ["svm"]
    assert table.standing == {}


def test_what_gave_no_score_is_counted_with_its_reason(folder: Path) -> None:
    (row,) = summarise(folder).without_score.to_dict("records")
    assert row == {"status": "failed", "error": "ValueError: <no> luck", "trials": 1, "heads": "xgboost"}


def test_a_repeat_that_is_not_complete_is_left_out(folder: Path) -> None:
    keys = ek.load_results(folder).query("head != 'svm' or repeat != 2")["key"]
    (table,) = summarise(folder, keys=keys).tables
    assert ("svm", "1") not in table.cells
    assert ("mlp", "1") in table.cells


def test_cells_of_numeric_targets_are_mean_absolute_errors_with_intervals(ages: Path) -> None:
    (table,) = summarise(ages).tables
    assert (table.score, table.budgets) == ("mae", ["10", "all"])
    assert table.cells["mlp", "10"].interval.estimate == pytest.approx(2)
    of_images = 1.959964 * np.std([1, 3] * 5, ddof=1) / 10**0.5
    assert table.cells["mlp", "10"].interval.half_width == pytest.approx(of_images, rel=1e-4)
    assert table.cells["forest", "10"].interval.estimate == pytest.approx(10)


def test_the_best_of_numeric_targets_have_the_smallest_errors(ages: Path) -> None:
    (table,) = summarise(ages).tables
    assert {place for place, cell in table.cells.items() if cell.among_best} == {("svm", "10"), ("mlp", "all")}


def test_a_head_with_smaller_errors_is_ahead(ages: Path) -> None:
    (table,) = summarise(ages).tables
    standing = {name: {budget: d.estimate for budget, d in by.items()} for name, by in table.standing.items()}
    assert standing == {"SVM": pytest.approx({"10": -1.5, "all": 1}), "trees": pytest.approx({"10": 8})}


def test_saying_the_median_of_the_targets_misses_them_by_25(ages: Path) -> None:
    assert summarise(ages).tables[0].median_mae == 25


def test_tables_of_numeric_targets_stand_with_the_smallest_error_last(ages: Path) -> None:
    with results.open_results(ages) as connection:
        for row, test, predictions in list(results.iterate_predictions(ages, {})):
            worse = {"backbone": "worse", "key": f"worse {row['key']}", "scores": {"mae": 50}, "selected": None}
            results.write(connection, 1, [(row | worse, dataclasses.replace(predictions, predicted=test.truth + 50))])
    assert [table.backbone for table in summarise(ages).tables] == ["worse", "pixels"]


def test_cells_hold_how_far_they_are_behind_the_best_of_their_column(folder: Path) -> None:
    cells = summarise(folder).tables[0].cells
    assert cells["svm", "1"].behind is None
    behind = cells["forest", "1"].behind
    assert behind is not None
    assert behind.estimate == pytest.approx(30)
    assert behind.excludes_zero is not cells["forest", "1"].among_best


def test_answers_stand_with_their_table_and_gains_with_their_data_set(folder: Path) -> None:
    summary = summarise(folder)
    assert summary.tables[0].answers is not None
    assert summary.tables[0].answers.head == "mlp"
    assert [(gains.dataset, gains.head) for gains in summary.gains] == [("photos", "mlp")]
