"""The formats of tables, and files of them."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from embedkit import artefacts
from embedkit.errors import EmbedkitError
from embedkit.spec import did_you_mean
from embedkit.tables.cells import Cells
from embedkit.tables.latex import as_latex
from embedkit.tables.markdown import as_markdown
from embedkit.tables.text import as_text


def _as_csv(cells: Cells) -> str:
    return cells.frame.to_csv(index=False)


TEXTS: dict[str, Callable[[Cells], str]] = {
    "text": as_text, "markdown": as_markdown, "latex": as_latex, "csv": _as_csv,
}  # fmt: skip
ENDINGS = {".txt": "text", ".md": "markdown", ".tex": "latex", ".csv": "csv", ".parquet": "parquet"}


def format_of(file: Path) -> str:
    """The format that a file's ending means.

    Raises
    ------
    EmbedkitError
        Where it means none.
    """
    if file.suffix.lower() not in ENDINGS:
        raise EmbedkitError(f"cannot tell the format of {file.name!r}: files end in {', '.join(ENDINGS)}, or --format")
    return ENDINGS[file.suffix.lower()]


def check_format(asked: str, to_file: bool) -> None:
    """Stop where a format is unknown, or cannot be printed."""
    known = [*TEXTS, "parquet"]
    if asked not in known:
        raise EmbedkitError(f"unknown format {asked!r}{did_you_mean(asked, known)} formats: {', '.join(known)}")
    if asked == "parquet" and not to_file:
        raise EmbedkitError("Parquet cannot be printed; give a file: --out table.parquet")


def write(cells: Cells, asked: str, file: Path) -> None:
    """Write tables, or for CSV and Parquet their cells as a tidy table, in a format.

    Raises
    ------
    EmbedkitError
        Where nothing can be written, or Parquet lacks pyarrow.
    """
    _write(_parquet(cells.frame) if asked == "parquet" else TEXTS[asked](cells).encode(), file)


def write_frame(frame: pd.DataFrame, file: Path) -> None:
    """Write a tidy table that has no other form, as CSV or Parquet by the file's ending.

    Raises
    ------
    EmbedkitError
        Where the ending is another one, nothing can be written, or Parquet lacks pyarrow.
    """
    if file.suffix.lower() not in (".csv", ".parquet"):
        raise EmbedkitError(f"cannot write {file.name!r}: such a table goes into a file that ends in .csv or .parquet")
    _write(_parquet(frame) if file.suffix.lower() == ".parquet" else frame.to_csv(index=False).encode(), file)


def _write(contents: bytes, file: Path) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise artefacts.unwritable(file, error) from None
    artefacts.write_atomically(file, contents)


def _parquet(frame: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    try:
        frame.to_parquet(buffer, index=False, engine="pyarrow")
    except ImportError:
        raise EmbedkitError('Parquet files need pyarrow: pip install "embedkit[parquet]" (or write .csv)') from None
    return buffer.getvalue()
