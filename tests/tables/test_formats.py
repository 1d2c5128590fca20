from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from embedkit.errors import EmbedkitError
from embedkit.tables import formats
from embedkit.tables.cells import Cells

CellsOf = Callable[..., Cells]


@pytest.mark.parametrize(
    ("file", "asked"), [("a.csv", "csv"), ("a.parquet", "parquet"), ("a.MD", "markdown"), ("a.tex", "latex")]
)
def test_the_ending_of_a_file_is_its_format(file: str, asked: str) -> None:
    assert formats.format_of(Path(file)) == asked


def test_an_unknown_ending_is_told() -> None:
    with pytest.raises(
        EmbedkitError, match=r"the format of 'a.xlsx': files end in .txt, .md, .tex, .csv, .parquet, or --format"
    ):
        formats.format_of(Path("a.xlsx"))


def test_an_unknown_format_is_told() -> None:
    with pytest.raises(EmbedkitError, match="unknown format 'latx'; did you mean 'latex'"):
        formats.check_format("latx", True)


def test_parquet_is_no_text() -> None:
    with pytest.raises(EmbedkitError, match=r"Parquet cannot be printed; give a file: --out table.parquet"):
        formats.check_format("parquet", False)


def test_csv_has_a_line_per_cell(folder: Path, cells_of: CellsOf, tmp_path: Path) -> None:
    cells = cells_of(folder)
    formats.write(cells, "csv", tmp_path / "new" / "table.csv")
    found = pd.read_csv(tmp_path / "new" / "table.csv")
    assert len(found) == 6
    assert list(found) == list(cells.frame)
    assert found["estimate"].tolist() == pytest.approx(cells.frame["estimate"].tolist())


def test_parquet_holds_the_same(folder: Path, cells_of: CellsOf, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="Parquet files need pyarrow")
    cells = cells_of(folder)
    formats.write(cells, "parquet", tmp_path / "table.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "table.parquet"), cells.frame)


def test_text_goes_into_files_too(folder: Path, cells_of: CellsOf, tmp_path: Path) -> None:
    cells = cells_of(folder)
    formats.write(cells, "text", tmp_path / "table.txt")
    assert (tmp_path / "table.txt").read_text(encoding="utf-8").startswith("photos, pixels: accuracy in %")
