"""A second set of results beside that of ``folder``, and ways to change it."""

from __future__ import annotations

import shutil
import sqlite3
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture
def other(folder: Path) -> Path:
    """A copy of ``folder``."""
    return Path(shutil.copytree(folder, folder.parent / "other"))


@pytest.fixture
def other_ages(ages: Path) -> Path:
    """A copy of ``ages``."""
    return Path(shutil.copytree(ages, ages.parent / "other_ages"))


@pytest.fixture
def sql() -> Callable[..., Path]:
    """``sql(folder, *statements)`` changes results; returns the folder."""

    def change(folder: Path, *statements: str) -> Path:
        with sqlite3.connect(folder / "results.sqlite") as connection:
            for statement in statements:
                connection.execute(statement)
        connection.close()
        return folder

    return change


@pytest.fixture
def repredict() -> Callable[..., Path]:
    """``repredict(folder, where, change, dtype="<i4")`` changes the predictions of trials; returns the folder."""

    def change(folder: Path, where: str, of: Callable[[np.ndarray], np.ndarray], dtype: str = "<i4") -> Path:
        with sqlite3.connect(folder / "results.sqlite") as connection:
            found = connection.execute(f"SELECT key, predicted FROM predictions JOIN rows USING (key) WHERE {where}")
            for key, packed in found.fetchall():
                predicted = of(np.frombuffer(zlib.decompress(packed), dtype)).astype(dtype)
                packed = zlib.compress(predicted.tobytes())
                connection.execute("UPDATE predictions SET predicted = ? WHERE key = ?", (packed, key))
        connection.close()
        return folder

    return change
