from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pandas as pd

Embedkit = Callable[..., tuple[int, str, str]]


def test_a_table_is_printed(run: Embedkit, folder: Path) -> None:
    status, out, err = run("table", folder)
    assert (status, err) == (0, "")
    assert out.startswith("photos, pixels: accuracy in %, by labels per class\n")


def test_rows_columns_and_value_are_chosen(run: Embedkit, folder: Path) -> None:
    _, out, _ = run("table", folder, "--rows", "budget, repeat", "--columns", "head", "--value", "fit_s")
    assert out.splitlines()[1].split() == ["budget", "repeat", "mlp", "svm", "forest"]
    assert out.splitlines()[2].split() == ["1", "0", "12.5", "12.5", "12.5"]


def test_conditions_are_repeated_or_listed(run: Embedkit, folder: Path) -> None:
    _, out, _ = run("table", folder, "--where", "head=svm, mlp", "--where", "budget=5", "--format", "csv")
    assert [line.split(",")[4:6] for line in out.splitlines()[1:]] == [["mlp", "5"], ["svm", "5"]]


def test_a_condition_has_a_column_and_a_value(run: Embedkit, folder: Path) -> None:
    status, _, err = run("table", folder, "--where", "svm")
    assert status == 2
    assert err == "error: cannot read --where 'svm'; write column=value, such as head=svm\n"


def test_the_ending_of_the_file_chooses_the_format(run: Embedkit, folder: Path, tmp_path: Path) -> None:
    status, out, _ = run("table", folder, "--out", tmp_path / "paper" / "table.tex")
    assert (status, out) == (0, f"{tmp_path / 'paper' / 'table.tex'}\n")
    assert r"\toprule" in (tmp_path / "paper" / "table.tex").read_text(encoding="utf-8")
    run("table", folder, "--out", tmp_path / "table.csv")
    assert len(pd.read_csv(tmp_path / "table.csv")) == 6


def test_mistakes_are_told_before_anything_is_read(run: Embedkit, tmp_path: Path) -> None:
    assert run("table", tmp_path, "--out", "a.xlsx")[2].startswith("error: cannot tell the format of 'a.xlsx'")
    assert run("table", tmp_path)[2].startswith("error: no results at ")


def test_results_beside_themselves_end_with_status_0(run: Embedkit, folder: Path) -> None:
    status, out, err = run("compare", folder, folder)
    assert (status, err) == (0, "")
    assert out.endswith("the same: 18 trials in 6 cells, every prediction equal\n")


def test_what_is_not_decided_ends_with_status_3(run: Embedkit, folder: Path) -> None:
    assert run("compare", folder, folder, "--unpaired")[0] == 3
    assert run("compare", folder, folder, "--unpaired", "--margin", "200")[0] == 0


def test_a_difference_ends_with_status_1(run: Embedkit, folder: Path) -> None:
    other = Path(shutil.copytree(folder, folder.parent / "other"))
    with sqlite3.connect(other / "results.sqlite") as connection:  # what forest got right at 1, all get at 5
        connection.execute(
            "UPDATE predictions SET predicted = (SELECT predicted FROM predictions WHERE key = 'forest 1 0') "
            "WHERE key LIKE '% 5 %'"
        )
    connection.close()
    status, out, _ = run("compare", folder, other)
    assert status == 1
    assert out.splitlines()[-1] == "A is better in 2 of 6 cells (by up to 70.0 points), worse in none, undecided in 1"


def test_a_reference_that_is_not_there_is_told(run: Embedkit, folder: Path) -> None:
    status, _, err = run("compare", folder, "reference")
    assert status == 2
    assert err.startswith(
        "error: no reference is called 'photos', like these results (embedkit run --name names them); references: "
    )
