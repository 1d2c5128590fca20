from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from embedkit.tables.cells import Cells
from embedkit.tables.pivot import Grid, Shown
from embedkit.tables.text import as_text, drawn

CellsOf = Callable[..., Cells]


def grid(columns: list[tuple[str, ...]]) -> Grid:
    line = [Shown("12.5 ±1.0", at == 0) for at in range(len(columns))]
    return Grid("title", ["codec", "head"], [("float32", "svm"), ("float32", "lda")], columns, [line, line])


def test_a_table_has_a_title_its_cells_and_what_must_be_known(folder: Path, cells_of: CellsOf) -> None:
    lines = as_text(cells_of(folder)).splitlines()
    assert lines[0] == "photos, pixels: accuracy in %, by labels per class"
    assert lines[1].split() == ["head", "1", "5"]
    assert [line.split()[0] for line in lines[2:5]] == ["mlp", "svm", "forest"]
    assert "90.0" in lines[3]
    assert lines[3].endswith("*")
    assert "photos: 10 test images, labels drawn 3 times." in lines
    assert "± is a 95% interval over label draws and test images." in lines


def test_outer_labels_stand_over_the_columns_that_share_them() -> None:
    assert list(drawn(grid([("digits", "1"), ("digits", "5"), ("photos", "1")]), 80)) == [
        "                                digits      photos",
        "  codec    head          1           5           1",
        "  float32  svm   12.5 ±1.0*  12.5 ±1.0   12.5 ±1.0",
        "           lda   12.5 ±1.0*  12.5 ±1.0   12.5 ±1.0",
    ]


def test_a_long_outer_label_widens_its_last_column() -> None:
    assert list(drawn(grid([("a data set with a long name", "1"), ("b", "1")]), 80))[:3] == [
        "                 a data set with a long name           b",
        "  codec    head                            1           1",
        "  float32  svm                     12.5 ±1.0*  12.5 ±1.0",
    ]


def test_columns_that_do_not_fit_go_on_below() -> None:
    wide = list(drawn(grid([("1",), ("5",)]), 80))
    narrow = list(drawn(grid([("1",), ("5",)]), 30))
    assert max(map(len, narrow)) <= 30 < max(map(len, wide))
    assert [line.split() for line in narrow] == [
        ["codec", "head", "1"], ["float32", "svm", "12.5", "±1.0*"], ["lda", "12.5", "±1.0*"], [],
        ["codec", "head", "5"], ["float32", "svm", "12.5", "±1.0"], ["lda", "12.5", "±1.0"],
    ]  # fmt: skip


def test_a_table_may_have_rows_only(folder: Path, cells_of: CellsOf) -> None:
    lines = as_text(cells_of(folder, rows=["head", "budget"], columns=[])).splitlines()
    assert lines[0] == "photos, pixels: accuracy in %"
    assert [line.split()[:2] for line in lines[1:4]] == [["head", "budget"], ["mlp", "1"], ["5", "90.0"]]


def test_there_is_a_table_for_each_of_what_is_not_named(folder: Path, cells_of: CellsOf) -> None:
    text = as_text(cells_of(folder, rows=["budget"], columns=["repeat"]))
    titles = [line for line in text.splitlines() if line.endswith("by repeat")]
    assert titles == [f"photos, pixels, {head}: accuracy in %, by repeat" for head in ("mlp", "svm", "forest")]
