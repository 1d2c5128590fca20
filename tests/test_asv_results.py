from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import embedkit as ek
from embedkit.asv_results import COLUMNS

Embedkit = Callable[..., tuple[int, str, str]]


def edit(file: Path, **changes: object) -> None:
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def test_a_row_for_each_commit_benchmark_and_combination_of_parameters(asv_results: Path) -> None:
    table = ek.asv_table(asv_results)
    assert list(table) == [*COLUMNS, "head", "budget"]
    errors = table[table["benchmark"] == "accuracy.Heads.track_error"]
    assert errors["commit"].tolist() == ["a" * 40] * 4 + ["b" * 40] * 3
    assert errors["params"].tolist()[:2] == ["head=svm, budget=1", "head=svm, budget=5"]
    assert errors["value"].iloc[[0, 4]].tolist() == [1.5, 1.75]
    assert set(errors["unit"]) == {"1 + error"}
    assert set(table["machine"]) == {"here"}
    assert set(table["environment"]) == {"hostvenv-py3.11"}
    assert table["date"].iloc[-1] == pd.Timestamp("1970-01-02", tz="UTC")


def test_parameters_are_text_as_in_other_results(asv_results: Path) -> None:
    table = ek.asv_table(asv_results)
    rows = pd.DataFrame({"head": ["svm"], "budget": ["5"], "accuracy": [0.75]})
    assert rows.merge(table, on=["head", "budget"])["value"].tolist() == [1.25, 1.25]


def test_what_has_no_parameters_has_none(asv_results: Path) -> None:
    seconds = ek.asv_table(asv_results).query("unit == 'seconds'")
    assert seconds["value"].tolist() == [0.5, 0.25]
    assert seconds["params"].tolist() == ["", ""]
    assert seconds["head"].isna().all()


def test_what_failed_is_a_row_without_a_value_and_what_was_skipped_is_none(asv_results: Path) -> None:
    lda = ek.asv_table(asv_results).query("params == 'head=lda, budget=5'")
    assert lda["commit"].tolist() == ["a" * 40]
    assert np.isnan(lda["value"].iloc[0])


def test_a_commit_that_could_not_be_built_has_failed_everywhere(asv_results: Path) -> None:
    file = asv_results / "here" / "aaaaaaaa-hostvenv-py3.11.json"
    results = {name: [None, *rest] for name, (_, *rest) in json.loads(file.read_text())["results"].items()}
    edit(file, results=results)
    table = ek.asv_table(asv_results)
    assert table[table["commit"] == "a" * 40]["value"].isna().tolist() == [True] * 5
    assert len(table[table["commit"] == "b" * 40]) == 4


def test_what_another_version_of_a_benchmark_measured_is_left_out(asv_results: Path) -> None:
    file = asv_results / "benchmarks.json"
    edit(file, **{"speed.time_import": json.loads(file.read_text())["speed.time_import"] | {"version": "3"}})
    assert set(ek.asv_table(asv_results)["benchmark"]) == {"accuracy.Heads.track_error"}


def test_without_results_there_is_no_table(tmp_path: Path, asv_results: Path) -> None:
    with pytest.raises(ek.EmbedkitError, match=r"no results of asv at .*none: there is no such folder; tox -e bench"):
        ek.asv_table(tmp_path / "none")
    with pytest.raises(ek.EmbedkitError, match=r"no results of asv at .*: it holds no benchmarks.json; tox -e bench"):
        ek.asv_table(tmp_path)
    for file in asv_results.glob("here/*-*.json"):
        file.unlink()
    with pytest.raises(ek.EmbedkitError, match=r"it holds benchmarks, but none was run; tox -e bench runs them"):
        ek.asv_table(asv_results)


def test_a_broken_file_is_named(asv_results: Path) -> None:
    file = asv_results / "here" / "bbbbbbbb-hostvenv-py3.11.json"
    found = file.read_text()
    for text, told in (
        (found[:100], r"bbbbbbbb-hostvenv-py3.11.json cannot be read: .*; remove it, and run asv again"),
        (found.replace('"version": 2', '"version": 1'), r"bbbb.*json is no file of asv in its format 2; asv update"),
        (found.replace("env_name", "name"), r"bbbb.*json lacks what asv writes \('env_name'\); remove it"),
        (found.replace("[1.75, ", "["), r"bbbb.*json lacks what asv writes \(.*shorter.*\); remove it"),
    ):
        file.write_text(text)
        with pytest.raises(ek.EmbedkitError, match=told):
            ek.asv_table(asv_results)


def test_the_command_prints_short_commits(run: Embedkit, asv_results: Path) -> None:
    status, out, err = run("asv-table", asv_results)
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].split() == COLUMNS
    assert len(lines) == 10
    assert lines[1].split()[:3] == ["aaaaaaaa", "1970-01-01", "00:00"]
    assert "failed" in lines[4]


def test_the_command_writes_files_to_join_with(run: Embedkit, asv_results: Path, tmp_path: Path) -> None:
    status, out, _ = run("asv-table", asv_results, "--out", tmp_path / "table.csv")
    assert (status, out) == (0, f"{tmp_path / 'table.csv'}\n")
    assert pd.read_csv(tmp_path / "table.csv")["head"].tolist()[:4] == ["svm", "svm", "lda", "lda"]
    assert run("asv-table", asv_results, "--out", tmp_path / "table.md")[2] == (
        "error: cannot write 'table.md': such a table goes into a file that ends in .csv or .parquet\n"
    )


def test_the_command_writes_parquet(run: Embedkit, asv_results: Path, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="needs pyarrow")
    run("asv-table", asv_results, "--out", tmp_path / "table.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "table.parquet"), ek.asv_table(asv_results))
