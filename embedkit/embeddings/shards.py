"""A shard: rows (m, d) float32 as a safetensors file whose header also holds the sha256 of their bytes. Numpy only."""

from __future__ import annotations

import hashlib
import json
import os
import struct
from pathlib import Path
from typing import NamedTuple

import numpy as np

from embedkit import artefacts
from embedkit.errors import EmbedkitError

_HEADER_BYTES_MAX = 4096


class Damaged(EmbedkitError):
    """A file of the store that is not what was written: which, what is wrong with it, and what to do."""

    def __init__(self, file: Path, what: str) -> None:
        super().__init__(
            f"{file} is damaged: {what}; the same command makes what is missing again "
            f"(embedkit store verify {file.parent.name[:12]} looks at all of it)"
        )
        self.file, self.what = file, what


class Shard(NamedTuple):
    """A shard whose header and size are those of a whole one."""

    file: Path
    shape: tuple[int, int]
    sha256: str
    """Of the rows' bytes, taken before they were written."""

    def rows(self) -> np.ndarray:
        """The rows, memory-mapped: (m, d) float32."""
        offset = len(_header(self.shape, self.sha256))
        return np.memmap(self.file, dtype="<f4", mode="r", offset=offset, shape=self.shape)

    def check_rows(self) -> None:
        """Read all bytes.

        Raises
        ------
        Damaged
            Where they are not those that were written.
        """
        if hashlib.sha256(self.rows().data).hexdigest() != self.sha256:
            raise Damaged(self.file, "its rows are not those that were written (sha256 differs)")


def shard_name(start: int) -> str:
    """The file of the rows that begin at `start`."""
    return f"{start:09d}.safetensors"


def write_shard_file(file: Path, rows: np.ndarray) -> None:
    """Write rows (m, d), as float32, durably."""
    rows = np.ascontiguousarray(rows, dtype="<f4")
    m, d = rows.shape
    artefacts.write_atomically(file, _header((m, d), hashlib.sha256(rows.data).hexdigest()), rows.data)


def open_shard(file: Path) -> Shard:
    """Look at header and size, not at the rows.

    Raises
    ------
    Damaged
        Where the file is not there, or header or size are not those of a whole shard.
    """
    try:
        with file.open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            start = stream.read(_HEADER_BYTES_MAX)
    except FileNotFoundError:
        raise Damaged(file, "it is not there") from None
    except OSError as error:
        raise Damaged(file, f"it cannot be read ({error.strerror or error})") from None
    try:
        (length,) = struct.unpack("<Q", start[:8])
        header = json.loads(start[8 : 8 + length])
        m, d = header["rows"]["shape"]
        sha256 = header["__metadata__"]["sha256"]
        expected = _header((int(m), int(d)), sha256)
    except (struct.error, ValueError, TypeError, KeyError, RecursionError):
        raise Damaged(file, "its header cannot be read") from None
    if not start.startswith(expected):
        raise Damaged(file, "its header is not one of this store")
    if size != len(expected) + 4 * m * d:
        raise Damaged(file, f"it has {size} bytes, not {len(expected) + 4 * m * d}")
    return Shard(file, (m, d), sha256)


def _header(shape: tuple[int, int], sha256: str) -> bytes:
    """The length of the header and the header itself, padded so that rows are aligned."""
    entry = {"dtype": "F32", "shape": list(shape), "data_offsets": [0, 4 * shape[0] * shape[1]]}
    header = json.dumps({"__metadata__": {"sha256": sha256}, "rows": entry}).encode()
    header += b" " * (-len(header) % 8)
    return struct.pack("<Q", len(header)) + header
