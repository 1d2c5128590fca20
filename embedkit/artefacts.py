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
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(path, error) from None
    return path


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file so that a reader, or a power cut, sees the old bytes or the new, never a part.

    Raises
    ------
    EmbedkitError
        Where the disk is full or the folder cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise unwritable(path, error) from None
    finally:
        with suppress(OSError):
            temporary.unlink()
    if os.name == "posix":
        descriptor = os.open(path.parent, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)


def unwritable(path: Path, error: OSError) -> Unwritable:
    return Unwritable(
        f"cannot write {path}: {error.strerror or error}; free some space or permit writing, "
        "or set EMBEDKIT_CACHE (embeddings) or --out (results) to another folder"
    )
