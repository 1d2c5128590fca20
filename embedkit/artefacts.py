"""Keyed things on disk that are made once and found again: written atomically, never half there."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Any

from embedkit.errors import Unwritable


def key(recipe: Any) -> str:
    """sha256 of a recipe: plain JSON values that decide what an artefact will hold."""
    return hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()


def cache() -> Path:
    """Where artefacts live: ``EMBEDKIT_CACHE``, or the user's cache folder."""
    if chosen := os.environ.get("EMBEDKIT_CACHE"):
        return Path(chosen)
    import platformdirs

    return Path(platformdirs.user_cache_dir("embedkit"))


def folder(*parts: str) -> Path:
    """A folder of the cache, made if it is not there.

    Raises
    ------
    EmbedkitError
        Where it cannot be made.
    """
    path = cache().joinpath(*parts)
    new = [each for each in (path, *path.parents) if not each.exists()]
    try:
        path.mkdir(parents=True, exist_ok=True)
        for each in new:
            _sync(each.parent)
    except OSError as error:
        raise unwritable(path, error) from None
    return path


def write_atomically(path: Path, *parts: bytes | memoryview) -> None:
    """Write a file so that a reader, or a power cut, sees the old bytes or the new, never a part.

    When it returns, the file survives a power cut.

    Raises
    ------
    EmbedkitError
        Where the disk is full or the folder cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with temporary.open("xb") as file:
            for part in parts:
                file.write(part)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync(path.parent)
    except OSError as error:
        raise unwritable(path, error) from None
    finally:
        with suppress(OSError):
            temporary.unlink()


def _sync(folder: Path) -> None:
    """Make new names in a folder durable."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def unwritable(path: Path, error: OSError) -> Unwritable:
    return Unwritable(
        f"cannot write {path}: {error.strerror or error}; free some space or permit writing, "
        "or set EMBEDKIT_CACHE (embeddings) or --out (results) to another folder"
    )
