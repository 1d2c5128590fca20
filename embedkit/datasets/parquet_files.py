"""The Parquet files that a path means: one, a folder, a pattern; on this machine or at any fsspec URL."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from embedkit.datasets.scan import changed_ns
from embedkit.errors import EmbedkitError

_SPLITS = {"train": "train", "validation": "validation", "valid": "validation", "val": "validation", "test": "test"}
_VERSION_KEYS = ("size", "mtime", "created", "updated", "LastModified", "last_modified", "ETag", "etag", "md5", "oid")


@dataclass(frozen=True)
class ParquetFile:
    """One file: its name below the path that was asked for, and how to get at it."""

    name: str
    path: str
    system: Any
    local: bool

    @property
    def split(self) -> str:
        """What the name says: ``train-00000-of-00002.parquet``, ``default/test/0000.parquet``."""
        for part in reversed(self.name.split("/")):
            first_word = re.split(r"[^a-z]", part.lower(), maxsplit=1)[0]
            if first_word in _SPLITS:
                return _SPLITS[first_word]
        return ""

    def version(self) -> tuple[int, int]:
        """Size in bytes, and a number that changes with the file."""
        if self.local:
            stat = os.stat(self.path)  # noqa: PTH116
            return stat.st_size, changed_ns(stat)
        info = self.system.info(self.path)
        known = repr([(key, str(info[key])) for key in _VERSION_KEYS if key in info])
        return info.get("size") or 0, int.from_bytes(hashlib.sha256(known.encode()).digest()[:6], "big")

    def open(self) -> Any:
        """The file as a ``pyarrow.parquet.ParquetFile``.

        Raises
        ------
        EmbedkitError
            Where it cannot be read or is no Parquet file.
        """
        from pyarrow.parquet import ParquetFile as Opened

        with told_as_unreadable(self.name):
            source = self.path if self.local else self.system.open(self.path, "rb")
            return Opened(source, buffer_size=2**20, pre_buffer=False)


@contextmanager
def told_as_unreadable(name: str) -> Iterator[None]:
    """Tell what a file system or pyarrow raises on a damaged file, of which there are many kinds, as a user's error."""
    try:
        yield
    except EmbedkitError:
        raise
    except Exception as error:
        raise EmbedkitError(f"cannot read the Parquet file {name!r}: {error}; write or download it again") from None


def find_files(path: str) -> list[ParquetFile]:
    """The files, sorted by name; hidden ones are left out.

    Raises
    ------
    EmbedkitError
        Where there are none, the file system is unknown, or a link in a folder leads out of it.
    """
    from fsspec.core import url_to_fs
    from fsspec.implementations.local import LocalFileSystem

    try:
        system, place = url_to_fs(path)
        local = isinstance(system, LocalFileSystem)
        if system.isfile(place):
            return [ParquetFile(PurePosixPath(place).name, place, system, local)]
        pattern = any(character in place for character in "*?[") and not system.isdir(place)
        found = [str(file) for file in (system.glob(place) if pattern else system.find(place))]
    except (OSError, ValueError, ImportError) as error:
        raise EmbedkitError(f"cannot look for Parquet files at {path!r}: {error}") from None
    root = re.split(r"[^/]*[*?\[]", place, maxsplit=1)[0].rstrip("/") if pattern else place.rstrip("/")
    names = {file: file.removeprefix(root).lstrip("/") for file in found}
    kept = [file for file, name in names.items() if name.endswith(".parquet") and not _hidden(name)]
    if not kept:
        raise EmbedkitError(f"no Parquet files at {path!r}; give a .parquet file, a folder of them, or a pattern")
    inside = os.path.realpath(root)
    for file in kept if local and not pattern else ():
        if not os.path.realpath(file).startswith(f"{inside}{os.sep}"):
            raise EmbedkitError(
                f"{names[file]!r} in {path!r} is a link that leads out of the folder; copy the file there, or give "
                f"the pattern {root}/**/*.parquet to follow such links"
            )
    return [ParquetFile(names[file], file, system, local) for file in sorted(kept, key=names.__getitem__)]


def _hidden(name: str) -> bool:
    return any(part.startswith(".") for part in name.split("/"))
