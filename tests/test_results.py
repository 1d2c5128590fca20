"""Rows and predictions: written to disk, and read back as DataFrames."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from embedkit.errors import EmbedkitError
from embedkit.frames import load_predictions, load_results
from embedkit.results import (
    COLUMNS,
    FILE,
    ImageSet,
    Outcome,
    Predictions,
    load_runs,
    open_results,
    settled_keys,
    settled_keys_at,
    start_run,
    write,
    write_image_set,
)

TEST = ImageSet("tests", ["x", "y", "z"], np.array([0, 1, 1]), np.array([0, 1, 1]), ("cat", "dog"))


def a_row(key: str, **columns: Any) -> dict[str, Any]:
    return {
        "key": key,
        "experiment": "heads",
        "dataset": "digits",
        "backbone": "pixels",
        "codec": "float32",
        "head": "svm",
        "budget": "5",
        "repeat": 0,
        "fold": None,
        "selection": "default",
        "n_labeled": 10,
        "n_classes": 2,
        "test_sha256": "tests",
        "scores": {"accuracy": 0.5, "log_loss": None},
        "fit_s": 0.25,
        "status": "ok",
    } | columns


def stored(folder: Path, *outcomes: Outcome) -> Path:
    with open_results(folder) as connection:
        write_image_set(connection, TEST)
        write(connection, start_run(connection, "2025-01-01T00:00:00", {"jobs": 2}), list(outcomes))
    return folder


def predictions(*predicted: int) -> Predictions:
    return Predictions(np.array(predicted), np.array([0.9, 0.5, 0.25]), np.array([0.9, 0.5, 0.75]))


def test_a_row_comes_back_as_it_was_written(tmp_path: Path) -> None:
    row = a_row("k", fold=3, grid_edge=True, cv_score=0.75, selected={"C": 10}, error=None, warning="hm")
    back = load_results(stored(tmp_path, (row, None))).iloc[0]
    for name in ("key", "dataset", "head", "budget", "repeat", "fold", "n_labeled", "fit_s", "cv_score", "warning"):
        assert back[name] == row[name]
    assert back["accuracy"] == 0.5
    assert np.isnan(back["log_loss"])
    assert back["selected"] == '{"C": 10}'
    assert back["grid_edge"] is np.True_
    assert pd.isna(back["error"])
    assert back["run_id"] == 1


def test_columns_have_the_types_that_belong_to_them(tmp_path: Path) -> None:
    rows = load_results(stored(tmp_path, (a_row("k"), None)))
    for name, kind in COLUMNS.items():
        if name not in ("scores", "grid_edge", "budget"):
            expected = {"INTEGER": "Int64", "REAL": "float64"}.get(kind, pd.Series(["text"]).dtype)
            assert rows[name].dtype == expected, name
    assert rows["grid_edge"].dtype == "boolean"
    assert rows["accuracy"].dtype == rows["log_loss"].dtype == "float64"
    assert pd.isna(rows.loc[0, "fold"])


def test_scores_stand_between_the_draw_and_the_choice(tmp_path: Path) -> None:
    columns = list(load_results(stored(tmp_path, (a_row("k"), None))).columns)
    at = columns.index("accuracy")
    assert columns[at - 1 : at + 3] == ["fitted_on", "accuracy", "log_loss", "selected"]
    assert "scores" not in columns


def test_budgets_are_ordered_from_few_labels_to_many(tmp_path: Path) -> None:
    amounts = {"10": 20, "all": 100, "2": 4, "50 total": 50, "1": 2}
    outcomes = [(a_row(budget, budget=budget, n_labeled=n), None) for budget, n in amounts.items()]
    rows = load_results(stored(tmp_path, *outcomes))
    assert rows["budget"].cat.ordered
    assert list(rows["budget"].cat.categories) == ["1", "2", "10", "50 total", "all"]
    assert rows["budget"].tolist() == ["1", "2", "10", "50 total", "all"]
    assert rows[rows["budget"] < "10"]["key"].tolist() == ["1", "2"]


def test_budgets_are_ordered_over_data_sets_of_many_and_of_few_classes(tmp_path: Path) -> None:
    outcomes = [
        (a_row(f"{name}{k}", dataset=name, budget=str(k), n_labeled=k * n_classes, n_classes=n_classes), None)
        for name, n_classes, budgets in (("many", 100, (1, 2)), ("few", 2, (1, 2, 5, 10)))
        for k in budgets
    ]
    assert list(load_results(stored(tmp_path, *outcomes))["budget"].cat.categories) == ["1", "2", "5", "10"]


def test_predictions_come_back_with_class_names(tmp_path: Path) -> None:
    stored(tmp_path, (a_row("k", repeat=2), predictions(0, 1, 0)))
    back = load_predictions(tmp_path)
    assert back["image"].tolist() == ["x", "y", "z"]
    assert back["truth"].tolist() == ["cat", "dog", "dog"]
    assert back["predicted"].tolist() == ["cat", "dog", "cat"]
    assert back["confidence"].tolist() == pytest.approx([0.9, 0.5, 0.25])
    assert back["true_probability"].tolist() == pytest.approx([0.9, 0.5, 0.75])
    assert back["repeat"].tolist() == [2, 2, 2]
    assert back["fold"].isna().all()
    assert set(back["key"]) == {"k"}


def test_predictions_without_probabilities_have_nan(tmp_path: Path) -> None:
    stored(tmp_path, (a_row("k"), Predictions(np.array([0, 1, 1]), None, None)))
    assert load_predictions(tmp_path)[["confidence", "true_probability"]].isna().all(axis=None)


@pytest.mark.parametrize(
    ("where", "keys"),
    [
        ({"head": "svm"}, {"a", "b"}),
        ({"budget": 5}, {"a", "c"}),
        ({"repeat": 1}, {"b"}),
        ({"repeat": np.int64(1)}, {"b"}),
        ({"fold": None}, {"a", "b"}),
        ({"fold": pd.NA, "budget": "5"}, {"a"}),
        ({"fold": 4}, {"c"}),
        ({"key": "c"}, {"c"}),
        ({"head": "knn", "budget": 10}, set()),
    ],
)
def test_predictions_are_chosen_by_columns(tmp_path: Path, where: dict[str, Any], keys: set[str]) -> None:
    stored(
        tmp_path,
        (a_row("a"), predictions(0, 0, 0)),
        (a_row("b", budget="10", repeat=1), predictions(1, 1, 1)),
        (a_row("c", head="knn", fold=4), predictions(1, 0, 1)),
    )
    assert set(load_predictions(tmp_path, **where)["key"]) == keys


def test_an_unknown_column_is_named_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(EmbedkitError) as caught:
        load_predictions(stored(tmp_path), haed="svm")
    assert str(caught.value) == f"unknown column 'haed'; columns: {', '.join(COLUMNS)}"


def test_a_column_without_a_place_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    with open_results(tmp_path) as connection, pytest.raises(AssertionError, match="colour"):
        write(connection, 1, [(a_row("k"), None), (a_row("l", colour="red"), None)])
    assert len(load_results(tmp_path)) == 0


def test_an_empty_file_gives_an_empty_table(tmp_path: Path) -> None:
    assert len(load_results(stored(tmp_path))) == 0
    assert len(load_predictions(tmp_path)) == 0


def test_failed_rows_are_not_settled(tmp_path: Path) -> None:
    stored(tmp_path, *((a_row(status, status=status), None) for status in ("ok", "not_applicable", "failed")))
    assert settled_keys_at(tmp_path) == {"ok", "not_applicable"}
    assert settled_keys_at(tmp_path / "nowhere") == set()
    with open_results(tmp_path) as connection:
        assert settled_keys(connection) == {"ok", "not_applicable"}


def test_rewriting_a_failed_row_replaces_it(tmp_path: Path) -> None:
    stored(tmp_path, (a_row("k", status="failed", error="ValueError: no", scores=None), None))
    rows = load_results(stored(tmp_path, (a_row("k"), predictions(0, 1, 1))))
    assert rows[["status", "accuracy", "run_id"]].values.tolist() == [["ok", 0.5, 2]]
    assert rows["error"].isna().all()
    assert len(load_predictions(tmp_path)) == 3


def test_predictions_of_failed_rows_are_left_out(tmp_path: Path) -> None:
    stored(tmp_path, (a_row("k"), predictions(0, 1, 1)), (a_row("l", status="failed"), None))
    assert set(load_predictions(tmp_path)["key"]) == {"k"}


def test_runs_are_listed_in_their_order(tmp_path: Path) -> None:
    stored(stored(tmp_path))
    started = "2025-01-01T00:00:00"
    assert load_runs(tmp_path) == [{"run_id": i, "started": started, "jobs": 2} for i in (1, 2)]


def test_the_file_itself_can_be_given_and_a_single_file_is_left(tmp_path: Path) -> None:
    stored(tmp_path, (a_row("k"), None))
    assert [file.name for file in tmp_path.iterdir()] == [FILE]
    assert load_results(tmp_path / FILE)["key"].tolist() == ["k"]


def test_rows_can_be_read_while_they_are_written(tmp_path: Path) -> None:
    with open_results(tmp_path) as connection:
        write(connection, 1, [(a_row("k"), None)])
        assert load_results(tmp_path)["key"].tolist() == ["k"]
        write(connection, 1, [(a_row("l"), None)])
        assert load_results(tmp_path)["key"].tolist() == ["k", "l"]


def test_missing_results_are_told_of(tmp_path: Path) -> None:
    for path in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(EmbedkitError) as caught:
            load_results(path)
        assert str(caught.value) == (
            f"no results at {str(path)!r}; give a folder that embedkit run wrote, such as results/default"
        )


def of_another_version(folder: Path) -> str:
    connection = sqlite3.connect(stored(folder) / FILE)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    return (
        f"{folder / FILE} has format version 99; this embedkit reads 2: "
        "give another --name, or use the version that wrote it"
    )


def a_text_file(folder: Path) -> str:
    (folder / FILE).write_text("key,accuracy\n" * 100)
    return f"{folder / FILE} is no results file (file is not a database); give another --name"


def another_database(folder: Path) -> str:
    connection = sqlite3.connect(folder / FILE)
    connection.execute("CREATE TABLE rows (something)")
    connection.close()
    return f"{folder / FILE} has format version 0; this embedkit reads 2: "


@pytest.mark.parametrize("make", [of_another_version, a_text_file, another_database])
def test_files_that_are_no_results_are_refused_and_left_as_they_are(tmp_path: Path, make: Any) -> None:
    told = make(tmp_path)
    before = (tmp_path / FILE).read_bytes()
    with pytest.raises(EmbedkitError) as caught, open_results(tmp_path):
        pass
    assert str(caught.value).startswith(told)
    with pytest.raises(EmbedkitError) as caught:
        load_results(tmp_path)
    assert str(caught.value).startswith(told)
    assert (tmp_path / FILE).read_bytes() == before


def write_on_a_full_disk(connection: sqlite3.Connection, outcomes: list[Outcome]) -> None:
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages}")
    write(connection, 1, outcomes)


def test_a_full_disk_keeps_what_is_there(tmp_path: Path) -> None:
    stored(tmp_path, (a_row("k"), None))
    many = [(a_row(str(i), error="x" * 1000), None) for i in range(100)]
    with pytest.raises(EmbedkitError) as caught, open_results(tmp_path) as connection:
        write_on_a_full_disk(connection, many)
    assert str(caught.value) == (
        f"cannot write {tmp_path / FILE}: database or disk is full; what is there is kept: "
        "free some space, permit writing, or give another folder by --out"
    )
    assert load_results(tmp_path)["key"].tolist() == ["k"]


def test_a_file_that_may_not_be_written_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stored(tmp_path)
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda path, **kwargs: connect(f"{path.as_uri()}?mode=ro", uri=True))
    with (
        pytest.raises(
            EmbedkitError, match=r"cannot write .*results.sqlite: attempt to write a readonly database; what"
        ),
        open_results(tmp_path) as connection,
    ):
        write(connection, 1, [(a_row("k"), None)])


def test_a_folder_that_cannot_be_made_is_told_of(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(EmbedkitError, match=r"cannot write .*: Not a directory; what is there is kept"),
        open_results(tmp_path / "file" / "results"),
    ):
        pass


WRITER = """
import sys
from pathlib import Path
from embedkit.results import open_results, write
with open_results(Path(sys.argv[1])) as connection:
    for i in range(10_000):
        write(connection, 1, [({"key": str(i), "status": "ok", "error": "x" * 500}, None)])
        print(i, flush=True)
"""


def test_a_killed_writer_keeps_every_row_that_it_had_written(tmp_path: Path) -> None:
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    for _ in range(100):
        last = int(writer.stdout.readline())
    os.kill(writer.pid, signal.SIGKILL)
    last = int(([str(last), *writer.stdout.read().split("\n")[:-1]])[-1])
    writer.wait()
    writer.stdout.close()
    copy = shutil.copytree(tmp_path, tmp_path / "copy")
    keys = set(load_results(tmp_path)["key"])
    assert {str(i) for i in range(last + 1)} <= keys
    assert len(keys) <= last + 2
    with open_results(copy) as connection:
        assert settled_keys(connection) == keys


def test_a_file_with_damaged_pages_is_told_of(tmp_path: Path) -> None:
    stored(tmp_path, *((a_row(str(i)), predictions(0, 1, 1)) for i in range(200)))
    data = bytearray((tmp_path / FILE).read_bytes())
    data[8192:] = b"\xff" * (len(data) - 8192)
    (tmp_path / FILE).write_bytes(data)
    with pytest.raises(EmbedkitError, match=r"results.sqlite is damaged \(.*\); give another --name, or put a copy"):
        load_results(tmp_path)
    with pytest.raises(EmbedkitError, match=r"results.sqlite is damaged"), open_results(tmp_path) as connection:
        settled_keys(connection)


NUMBERS = ImageSet.of(["x", "y"], np.array([1.5, 40.0]), np.array([0, 1]), ("",))


def test_numeric_targets_come_back_as_numbers(tmp_path: Path) -> None:
    row = a_row("k", task="regression", n_classes=None, test_sha256=NUMBERS.sha256, scores={"mae": 0.5, "r2": None})
    with open_results(tmp_path) as connection:
        write_image_set(connection, NUMBERS)
        write(connection, 1, [(row, Predictions(np.array([1.25, 39.5]), None, None))])
    back = load_predictions(tmp_path)
    assert back["truth"].tolist() == [1.5, 40]
    assert back["predicted"].tolist() == [1.25, 39.5]
    assert (back["truth"].dtype, back["predicted"].dtype) == ("float64", "float32")
    rows = load_results(tmp_path)
    assert (rows.loc[0, "mae"], rows["n_classes"].isna().all()) == (0.5, True)


def test_classes_and_numbers_come_back_from_one_folder(tmp_path: Path) -> None:
    stored(tmp_path, (a_row("k"), predictions(0, 1, 0)))
    with open_results(tmp_path) as connection:
        write_image_set(connection, NUMBERS)
        row = a_row("n", task="regression", n_classes=None, test_sha256=NUMBERS.sha256)
        write(connection, 1, [(row, Predictions(np.array([1.25, 39.5]), None, None))])
    assert load_predictions(tmp_path).set_index("key")["truth"].to_dict() == {"k": "dog", "n": 40}


def test_budgets_of_numeric_targets_are_ordered_by_labels_in_all(tmp_path: Path) -> None:
    amounts = {"100": 100, "all": 400, "25": 25, "10%": 40}
    outcomes = [(a_row(b, budget=b, n_labeled=n, n_classes=None, task="regression"), None) for b, n in amounts.items()]
    assert list(load_results(stored(tmp_path, *outcomes))["budget"].cat.categories) == ["25", "10%", "100", "all"]
