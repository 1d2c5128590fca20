"""Predictions in a file: CSV or Parquet, by its ending."""

from __future__ import annotations

import secrets
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from embedkit.errors import EmbedkitError

if TYPE_CHECKING:
    import pandas as pd


def check_writable(file: Path, force: bool) -> None:
    """Raise an EmbedkitError where predictions cannot go there: before the work, not after it."""
    if file.suffix not in (".csv", ".parquet"):
        raise EmbedkitError(f"--out {file}: predictions end in .csv or .parquet")
    if file.exists() and not force:
        raise EmbedkitError(f"{file} is there already; give another --out, or --force to replace it")
    if not file.resolve().parent.is_dir():
        raise EmbedkitError(f"--out {file}: there is no folder {str(file.parent)!r}; make it, or give another file")
    if file.suffix == ".parquet" and find_spec("pyarrow") is None:
        raise EmbedkitError('Parquet files need pyarrow: pip install "embedkit[parquet]" (or write .csv)')


def write_predictions(rows: pd.DataFrame, file: Path) -> None:
    """Write all rows, or nothing.

    Raises
    ------
    EmbedkitError
        Where the file cannot be written.
    """
    temporary = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        if file.suffix == ".parquet":
            rows.to_parquet(temporary, index=False)
        else:
            rows.to_csv(temporary, index=False, float_format="%.7g")
        temporary.replace(file)
    except OSError as error:
        raise EmbedkitError(f"cannot write {file}: {error.strerror or error}; give another --out") from None
    finally:
        with suppress(OSError):
            temporary.unlink()
