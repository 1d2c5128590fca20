from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

from embedkit.tables.cells import Cells
from embedkit.tables.notes import notes
from embedkit.tables.text import as_text

CellsOf = Callable[..., Cells]


def test_marks_are_explained_where_there_are_some(folder: Path, cells_of: CellsOf) -> None:
    assert any(note.startswith("* cannot be told from the best of the heads shown") for note in notes(cells_of(folder)))
    assert not any("cannot be told" in note for note in notes(cells_of(folder, value="fit_s")))


def test_one_head_alone_is_not_marked(folder: Path, cells_of: CellsOf) -> None:
    text = as_text(cells_of(folder, where={"head": "svm"}))
    assert "svm" in text
    assert "*" not in text


def test_costs_say_how_they_were_measured(folder: Path, cells_of: CellsOf) -> None:
    assert notes(cells_of(folder, value="fit_s"))[0] == "Measured alone, in the first repeat."


def test_one_draw_says_nothing_of_other_draws(folder: Path, cells_of: CellsOf) -> None:
    told = notes(cells_of(folder, where={"repeat": 0, "head": "svm"}))
    assert told[:2] == [
        "photos: 10 test images, labels drawn 1 time.",
        "± is a 95% interval over test images, with one label draw.",
    ]


def test_what_gave_no_score_is_told_with_its_reason(folder: Path, cells_of: CellsOf) -> None:
    assert notes(cells_of(folder))[-1] == "failed: 1 trial (xgboost): ValueError: <no> luck"


def test_cells_that_lack_trials_are_named(folder: Path, cells_of: CellsOf) -> None:
    with sqlite3.connect(folder / "results.sqlite") as connection:
        connection.execute("DELETE FROM rows WHERE key = 'svm 1 2'")
    connection.close()
    assert "Without ± are cells that lack trials which others have: svm / 1." in notes(cells_of(folder))
    assert "Means over 2 to 3 trials, without intervals." in notes(cells_of(folder, value="n_test"))


def test_heads_that_have_no_such_value_are_named(folder: Path, cells_of: CellsOf) -> None:
    with sqlite3.connect(folder / "results.sqlite") as connection:
        connection.execute("UPDATE rows SET head_bytes = NULL WHERE head = 'svm'")
    connection.close()
    assert "Without size of the head: svm." in notes(cells_of(folder, value="head_bytes"))


def test_averages_name_what_they_are_over(folder: Path, cells_of: CellsOf) -> None:
    told = notes(cells_of(folder, rows=["budget"], columns=[], mean=["head"]))
    assert "Averaged over 3 heads (forest, mlp, svm): nothing is marked." in told
