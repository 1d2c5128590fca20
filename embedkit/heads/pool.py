"""Pool: rows whose labels are not known, which some heads use beside the labelled ones."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np

from embedkit.pool_artefacts import Arrays, found_or_made

UNLABELLED = -1
"""In the labels of heads that use the pool, as scikit-learn has it."""


class Pool:
    """Rows (m, d), the labelled ones among them; what follows from the rows alone is made once.

    Parameters
    ----------
    read : callable
        Gives the rows, float32, when they are needed.
    key : str or None
        Stands for the rows in the keys of what is kept on disk; without it, it is kept here only.
    """

    def __init__(self, read: Callable[[], np.ndarray], key: str | None = None) -> None:
        self._read = read
        self._key = key
        self._kept: dict[Any, Any] = {}

    @cached_property
    def X(self) -> np.ndarray:
        """The rows, (m, d)."""
        return self._read()

    def on_disk(self, recipe: dict[str, Any], make: Callable[[np.ndarray], Arrays]) -> Arrays:
        """Arrays that follow from the rows and a recipe, found or made."""
        if self._key is None:
            return make(self.X)
        return found_or_made({"rows": self._key, **recipe}, lambda: make(self.X))

    def once(self, name: Any, make: Callable[[], Any]) -> Any:
        """What is known here by a name, made when it is asked for first."""
        if name not in self._kept:
            self._kept[name] = make()
        return self._kept[name]
