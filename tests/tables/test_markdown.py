from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

from embedkit.tables.cells import Cells
from embedkit.tables.markdown import as_markdown


def test_the_best_are_bold_and_notes_a_list(folder: Path, cells_of: Callable[..., Cells]) -> None:
    lines = as_markdown(cells_of(folder)).splitlines()
    assert lines[0] == "**photos, pixels: accuracy in %, by labels per class**"
    assert lines[2:4] == ["| head | 1 | 5 |", "| --- | ---: | ---: |"]
    assert lines[5].startswith("| svm | **50.0 ±")
    assert lines[6].startswith("| forest | 20.0 ±")
    assert "- photos: 10 test images, labels drawn 3 times." in lines


def test_what_markdown_would_read_is_escaped(folder: Path, cells_of: Callable[..., Cells]) -> None:
    with sqlite3.connect(folder / "results.sqlite") as connection:
        connection.execute("UPDATE rows SET codec = 'pca(dim=8) | int8', head = 'naive_bayes' WHERE head = 'svm'")
    connection.close()
    text = as_markdown(cells_of(folder, rows=["codec", "head"], value="fit_s"))
    assert r"| pca(dim=8) \| int8 | naive\_bayes | 12.5 | 12.5 |" in text
