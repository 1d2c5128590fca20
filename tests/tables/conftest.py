"""Cells of the results that other tests use too."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from embedkit.tables.cells import Cells, make_cells


@pytest.fixture
def cells_of() -> Callable[..., Cells]:
    """``cells_of(folder, rows=["head"], columns=["budget"], value=None, where={}, mean=[])``."""

    def make(folder: Path, **asked: Any) -> Cells:
        usual: dict[str, Any] = {"rows": ["head"], "columns": ["budget"], "value": None, "where": {}, "mean": []}
        return make_cells(folder, **{**usual, **asked})

    return make
