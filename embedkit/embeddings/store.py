"""Embeddings on disk: a folder per key with safetensors shards and, last, a manifest. Needs numpy only.

A shard is written under a temporary name, synced and renamed; the manifest, with each shard's sha256, comes last. So a
folder without a manifest is an unfinished one whose shards are whole.
"""

from __future__ import annotations

import hashlib
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np

from embedkit import artefacts

FORMAT = 1
SHARD_ROWS = 1024
_DTYPES: dict[str, np.dtype[Any]] = {"F32": np.dtype("<f4"), "F16": np.dtype("<f2")}


class Embeddings:
    """The rows (n, d) float32 of one key, memory-mapped; ``embeddings[indices]`` copies the rows asked for."""

    def __init__(self, shards: list[np.ndarray]) -> None:
        self._shards = shards
        self._starts = np.cumsum([0] + [len(shard) for shard in shards])
        self.shape = (int(self._starts[-1]), shards[0].shape[1])

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, indices: np.ndarray) -> np.ndarray:
        indices = np.asarray(indices)
        rows = np.empty((len(indices), self.shape[1]), dtype=np.float32)
        shard_of = np.searchsorted(self._starts, indices, side="right") - 1
        for number in np.unique(shard_of):
            here = shard_of == number
            rows[here] = self._shards[number][indices[here] - self._starts[number]]
        return rows


def location(key: str) -> Path:
    """The folder of a key."""
    return artefacts.folder("embeddings", key)


def is_complete(key: str) -> bool:
    """Whether all shards of a key are there."""
    return (artefacts.cache() / "embeddings" / key / "manifest.json").exists()


def missing_shards(key: str, n: int) -> list[tuple[int, int]]:
    """Which rows [start, stop) are still to be made of a key with `n` rows."""
    folder = location(key)
    starts = range(0, n, SHARD_ROWS)
    return [(start, min(start + SHARD_ROWS, n)) for start in starts if not (folder / _shard_name(start)).exists()]


def write_shard(key: str, start: int, rows: np.ndarray) -> None:
    """Write rows (m, d), as float32, that begin at row `start`, durably."""
    rows = np.ascontiguousarray(rows, dtype="<f4")
    entry = {"dtype": "F32", "shape": list(rows.shape), "data_offsets": [0, rows.nbytes]}
    header = json.dumps({"rows": entry}).encode()
    header += b" " * (-len(header) % 8)
    data = struct.pack("<Q", len(header)) + header + rows.tobytes()
    artefacts.write_atomically(location(key) / _shard_name(start), data)


def finish(key: str, n: int, facts: dict[str, Any]) -> None:
    """Write the manifest, with these facts in it: from now on the key is complete."""
    folder = location(key)
    shards = [_shard_name(start) for start in range(0, n, SHARD_ROWS)]
    contents = {
        "format": FORMAT,
        "rows": n,
        "shards": {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in shards},
        **facts,
    }
    artefacts.write_atomically(folder / "manifest.json", json.dumps(contents, indent=1).encode())


def manifest(key: str) -> dict[str, Any]:
    """What is known of a complete key."""
    return json.loads((location(key) / "manifest.json").read_bytes())


def read(key: str) -> Embeddings:
    """Open the rows of a complete key without copying them."""
    return Embeddings([_map_shard(location(key) / name) for name in manifest(key)["shards"]])


def _map_shard(file: Path) -> np.ndarray:
    with file.open("rb") as stream:
        (length,) = struct.unpack("<Q", stream.read(8))
        entry = json.loads(stream.read(length))["rows"]
    return np.memmap(file, dtype=_DTYPES[entry["dtype"]], mode="r", offset=8 + length, shape=tuple(entry["shape"]))


def _shard_name(start: int) -> str:
    return f"{start:09d}.safetensors"
