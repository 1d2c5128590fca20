from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np
import pytest

import embedkit as ek
from embedkit import results
from embedkit.errors import EmbedkitError
from embedkit.report.summary import summarise


def test_scores_have_the_intervals_and_marks_of_the_summary(folder: Path) -> None:
    (summary,) = summarise(folder).tables
    found = ek.table(folder).set_index(["head", "budget"])
    assert set(found.index) == set(summary.cells)
    for place, cell in summary.cells.items():
        half_width = (found.loc[place, "high"] - found.loc[place, "low"]) / 2
        assert 100 * found.loc[place, "estimate"] == pytest.approx(cell.interval.estimate)
        assert 100 * half_width == pytest.approx(cell.interval.half_width)
        assert found.loc[place, "among_best"] == cell.among_best


def test_a_line_says_what_it_is_about(folder: Path) -> None:
    found = ek.table(folder, where={"head": "svm", "budget": 5})
    (line,) = found.drop(columns=["low", "high"]).to_dict("records")
    assert line == {
        "dataset": "photos", "backbone": "pixels", "codec": "float32", "selection": "cv", "head": "svm", "budget": "5",
        "value": "accuracy", "estimate": pytest.approx(0.9), "among_best": True, "trials": 3,
    }  # fmt: skip


def test_heads_and_budgets_are_in_the_order_of_the_summary(folder: Path) -> None:
    found = ek.table(folder)
    assert list(zip(found["head"], found["budget"], strict=True)) == [
        ("mlp", "1"), ("mlp", "5"), ("svm", "1"), ("svm", "5"), ("forest", "1"), ("forest", "5"),
    ]  # fmt: skip


def test_the_best_are_those_of_the_heads_that_are_shown(folder: Path) -> None:
    found = ek.table(folder, where={"head": ["forest"], "budget": "5"})
    assert found["among_best"].tolist() == [True]


def test_errors_of_numbers_are_positive(ages: Path) -> None:
    found = ek.table(ages, where={"head": "svm", "budget": "10"})
    (line,) = found.to_dict("records")
    assert (line["value"], line["estimate"]) == ("mae", pytest.approx(0.5))
    assert line["low"] < 0.5 < line["high"]
    assert line["among_best"]


def test_costs_are_those_of_the_trials_that_were_measured_alone(folder: Path) -> None:
    found = ek.table(folder, value="fit_s")
    assert found["estimate"].unique().tolist() == [0.0125]
    assert found["trials"].unique().tolist() == [1]
    assert found[["low", "high", "among_best"]].isna().all(axis=None)


def test_cells_of_single_repeats_have_no_interval(folder: Path) -> None:
    found = ek.table(folder, columns="repeat", where={"budget": 5})
    assert found.query("head == 'forest'")["estimate"].tolist() == pytest.approx([0.6] * 3)
    assert found["low"].isna().all()


def _with_another_backbone(folder: Path) -> Path:
    """Adds the svm on resnet18, with one more right than on pixels."""
    with sqlite3.connect(folder / "results.sqlite") as connection:
        connection.execute("CREATE TABLE more AS SELECT * FROM rows WHERE head = 'svm'")
        connection.execute("UPDATE more SET backbone = 'resnet18', inputs_sha256 = 'r', key = 'r' || key")
        connection.execute("UPDATE more SET scores = json_set(scores, '$.accuracy', 1.0)")
        connection.execute("INSERT INTO rows SELECT * FROM more")
        connection.execute("DROP TABLE more")
    connection.close()
    return folder


def test_what_varies_and_is_not_named_is_told_apart(folder: Path) -> None:
    found = ek.table(_with_another_backbone(folder), value="accuracy", where={"head": "svm", "repeat": 0})
    assert list(zip(found["backbone"], found["estimate"], strict=True)) == [
        ("pixels", pytest.approx(0.5)), ("pixels", pytest.approx(0.9)), ("resnet18", 1), ("resnet18", 1),
    ]  # fmt: skip


def test_an_average_over_backbones_is_asked_for_and_has_no_interval(folder: Path) -> None:
    found = ek.table(_with_another_backbone(folder), value="accuracy", where={"head": "svm"}, mean="backbone")
    assert "backbone" not in found
    assert found["estimate"].tolist() == pytest.approx([0.75, 0.95])
    assert found["low"].isna().all()
    assert found["among_best"].isna().all()


def test_a_column_that_settles_the_budget_stands_in_its_place(folder: Path) -> None:
    found = ek.table(folder, columns="n_labeled", where={"head": "svm"})
    assert list(zip(found["n_labeled"], found["budget"], strict=True)) == [(2, "1"), (10, "5")]
    assert found["low"].notna().all()


def test_a_cell_that_lacks_repeats_has_a_mean_only(folder: Path) -> None:
    with sqlite3.connect(folder / "results.sqlite") as connection:
        connection.execute("DELETE FROM rows WHERE key = 'svm 1 2'")
    connection.close()
    found = ek.table(folder, columns="budget").set_index(["head", "budget"])
    assert found.loc[("svm", "1"), "estimate"] == pytest.approx(0.5)
    assert np.isnan(found.loc[("svm", "1"), "low"])
    assert found.loc[("mlp", "1"), "low"] > 0


def test_a_column_has_one_place(folder: Path) -> None:
    with pytest.raises(
        EmbedkitError, match="head is named twice: a column goes into the rows, the columns, or the mean"
    ):
        ek.table(folder, rows="head", mean="head")


def test_repeats_are_not_averaged_over_by_name(folder: Path) -> None:
    with pytest.raises(EmbedkitError, match="cells are means over repeat anyway; by name they can be over dataset"):
        ek.table(folder, mean="repeat")


@pytest.fixture
def with_distances(folder: Path) -> Path:
    """The results with a comparison of two metrics, over all pairs and in episodes."""
    outcomes: list[results.Outcome] = []
    for metric, mean_precision in (("cosine", 0.5), ("euclidean", 0.4)):
        row = {
            "experiment": "distances", "dataset": "photos", "backbone": "pixels", "codec": "float32", "metric": metric,
            "data_sha256": "d", "inputs_sha256": metric, "n_test": 10, "n_classes": 2, "status": "ok",
        }  # fmt: skip
        pairs = {"map": mean_precision, "map_half_width": 0.04}
        outcomes.append((row | {"budget": "all pairs", "scores": pairs, "key": f"{metric} pairs"}, None))
        episodes = {"accuracy": 0.7, "accuracy_half_width": 0.01}
        outcomes.append((row | {"budget": "5-way 1-shot", "scores": episodes, "key": f"{metric} shots"}, None))
    with results.open_results(folder) as connection:
        results.write(connection, 1, outcomes)
    return folder


def test_distances_have_the_intervals_of_their_rows(with_distances: Path) -> None:
    found = ek.table(with_distances, rows="metric", columns="backbone", value="map")
    assert found["metric"].tolist() == ["cosine", "euclidean"]
    assert found["low"].tolist() == pytest.approx([0.46, 0.36])
    assert found["high"].tolist() == pytest.approx([0.54, 0.44])
    assert found["among_best"].isna().all()


def test_heads_are_not_mixed_with_distances(with_distances: Path) -> None:
    assert set(ek.table(with_distances)["head"]) == {"mlp", "svm", "forest"}
    shots = ek.table(with_distances, rows="metric", value="accuracy")
    assert shots["budget"].tolist() == ["5-way 1-shot"] * 2


def test_distances_need_a_score(with_distances: Path) -> None:
    with pytest.raises(EmbedkitError, match="distances have several scores; give one by --value: map, roc_auc"):
        ek.table(with_distances, rows="metric")


def test_trials_that_all_failed_tell_why(folder: Path) -> None:
    with pytest.raises(
        EmbedkitError, match=r"of these 1 trial none has a score; the first, failed: ValueError: <no> luck"
    ):
        ek.table(folder, where={"head": "xgboost"})
