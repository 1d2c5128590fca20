"""What the cache holds of pools besides embeddings: trained encoders, and arrays such as graphs and fitted codecs."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from embedkit import artefacts

KINDS = {"encoders": ("trained encoder", "trained encoders"), "pools": ("graph or codec", "graphs and codecs")}
"""Folders of the cache, and what one and several things in them are called."""


@dataclass(frozen=True)
class PoolEntry:
    """A folder or file that follows from a pool and a recipe: bytes on disk, and when it was written last."""

    kind: str
    path: Path
    nbytes: int
    made: datetime


def pool_entries() -> list[PoolEntry]:
    """All that is kept, the newest first."""
    paths = [(kind, path) for kind in KINDS for path in (artefacts.cache() / kind).glob("[!.]*")]
    found = [_entry(kind, path) for kind, path in paths if path.suffix != ".lock"]
    return sorted(found, key=lambda entry: entry.made, reverse=True)


def remove(entry: PoolEntry) -> None:
    """Remove it; it is made again when it is next needed."""
    if entry.path.is_dir():
        shutil.rmtree(entry.path, ignore_errors=True)
    else:
        entry.path.unlink(missing_ok=True)
        entry.path.with_suffix(".lock").unlink(missing_ok=True)


def _entry(kind: str, path: Path) -> PoolEntry:
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    stats = [file.stat() for file in files] or [path.stat()]
    made = datetime.fromtimestamp(max(stat.st_mtime for stat in stats))
    return PoolEntry(kind, path, sum(stat.st_size for stat in stats) if files else 0, made)
