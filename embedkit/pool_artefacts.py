"""What follows from a pool of unlabelled images and a recipe, as plain arrays: made once, kept on disk, found again."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from embedkit import artefacts

try:
    import fcntl
except ImportError:  # Windows: work may be done twice
    fcntl = None  # type: ignore[assignment]

Arrays = dict[str, np.ndarray]


def found_or_made(recipe: dict[str, Any], make: Callable[[], Arrays]) -> Arrays:
    """The arrays of a recipe: read where they are on disk, else made by one process while the others wait for it.

    Raises
    ------
    EmbedkitError
        Where they cannot be written.
    """
    from safetensors.numpy import load_file, save

    path = artefacts.folder("pools") / f"{artefacts.key(recipe)}.safetensors"
    if not path.exists():
        with _alone(path.with_suffix(".lock")):
            if not path.exists():
                made = {name: np.ascontiguousarray(array) for name, array in make().items()}
                artefacts.write_atomically(path, save(made))
    return load_file(path)


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Hold a file's lock, which the system frees when the process ends, however it ends."""
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise artefacts.unwritable(lock, error) from None
    try:
        if fcntl is not None:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
