"""Embeddings on disk: a folder per key with safetensors shards and, last, a manifest. Needs numpy only.

A shard is written under a temporary name, synced and renamed, and knows the sha256 of its rows; the manifest, with each
shard's sha256 and its own, comes last. So a folder without a manifest is an unfinished one whose shards are whole.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from embedkit import artefacts
from embedkit.embeddings.shards import Damaged, Shard, open_shard, shard_name, write_shard_file
from embedkit.errors import EmbedkitError

FORMAT = 2
SHARD_ROWS = 1024
MANIFEST, BEGUN, IDS = "manifest.json", "begun.json", "ids.json"


class Embeddings:
    """The rows (n, d) float32 of one key, memory-mapped; ``embeddings[indices]`` copies the rows asked for.

    No file stays open between calls: there may be more shards than a process may open.
    """

    def __init__(self, shards: list[Shard]) -> None:
        self._shards = shards
        self._starts = np.cumsum([0] + [shard.shape[0] for shard in shards])
        self.shape = (int(self._starts[-1]), shards[0].shape[1] if shards else 0)

    def __len__(self) -> int:
        return self.shape[0]

    def checked_shards(self) -> Iterator[np.ndarray]:
        """The rows shard by shard, memory-mapped, each read and compared with its sha256 before it is given.

        Raises
        ------
        EmbedkitError
            Where a shard is damaged.
        """
        for shard in self._shards:
            shard.check_rows()
            yield shard.rows()

    def __getitem__(self, indices: np.ndarray) -> np.ndarray:
        indices = np.asarray(indices)
        if len(indices) and not 0 <= indices.min() <= indices.max() < len(self):
            raise IndexError(f"rows {indices.min()} to {indices.max()} of {len(self)}")
        rows = np.empty((len(indices), self.shape[1]), dtype=np.float32)
        shard_of = np.searchsorted(self._starts, indices, side="right") - 1
        for number in np.unique(shard_of):
            here = shard_of == number
            rows[here] = self._shards[number].rows()[indices[here] - self._starts[number]]
        return rows


def location(key: str) -> Path:
    """The folder of a key, whether it is there or not."""
    return artefacts.cache() / "embeddings" / key


def is_complete(key: str) -> bool:
    """Whether manifest and all shards of a key are there, and look whole."""
    try:
        read(key)
    except EmbedkitError:
        return False
    return True


def begin(key: str, n: int, about: dict[str, Any]) -> None:
    """Say what a key of `n` rows will hold, for those who look at it before it is complete."""
    folder = artefacts.folder("embeddings", key)
    if not (folder / BEGUN).exists():
        artefacts.write_atomically(folder / BEGUN, _sealed({"format": FORMAT, "rows": n, **about}))


def missing_shards(key: str, n: int) -> list[tuple[int, int]]:
    """Which rows [start, stop) are still to be made of a key with `n` rows."""
    ranges = ((start, min(start + SHARD_ROWS, n)) for start in range(0, n, SHARD_ROWS))
    return [(start, stop) for start, stop in ranges if not is_there(key, start, stop)]


def rows_there(key: str, n: int) -> int:
    """How many of a key's `n` rows are stored."""
    return n - sum(stop - start for start, stop in missing_shards(key, n))


def is_there(key: str, start: int, stop: int) -> bool:
    """Whether the shard of rows [start, stop) is there, and looks whole."""
    try:
        return open_shard(location(key) / shard_name(start)).shape[0] == stop - start
    except Damaged:
        return False


def write_shard(key: str, start: int, rows: np.ndarray) -> None:
    """Write rows (m, d), as float32, that begin at row `start`, durably.

    Raises
    ------
    EmbedkitError
        Where the disk is full or the folder cannot be written.
    """
    write_shard_file(artefacts.folder("embeddings", key) / shard_name(start), rows)


def write_ids(key: str, ids: Sequence[str]) -> None:
    """Keep the ids of the images, one for each row."""
    artefacts.write_atomically(artefacts.folder("embeddings", key) / IDS, _sealed({"format": FORMAT, "ids": list(ids)}))


def read_ids(key: str) -> list[str] | None:
    """The ids of the images, one for each row; None for embeddings made before ids were kept.

    Raises
    ------
    EmbedkitError
        Where they are not what was written.
    """
    file = location(key) / IDS
    return read_sealed(file)["ids"] if file.exists() else None


def finish(key: str, n: int, facts: dict[str, Any]) -> None:
    """Write the manifest, with these facts in it: from now on the key is complete.

    Raises
    ------
    EmbedkitError
        Where a shard is missing or damaged, or the disk is full or the folder cannot be written.
    """
    folder = location(key)
    shards = [open_shard(folder / shard_name(start)) for start in range(0, n, SHARD_ROWS)]
    digests = {shard.file.name: shard.sha256 for shard in shards}
    _check_fit(folder, shards, n)
    artefacts.write_atomically(folder / MANIFEST, _sealed({"format": FORMAT, "rows": n, **facts, "shards": digests}))
    with suppress(OSError):
        (folder / BEGUN).unlink()


def manifest(key: str) -> dict[str, Any]:
    """What is known of a complete key.

    Raises
    ------
    EmbedkitError
        Where there is none, or it is not the one that was written.
    """
    return read_sealed(location(key) / MANIFEST)


def read(key: str) -> Embeddings:
    """Open the rows of a complete key without copying them.

    Raises
    ------
    EmbedkitError
        Where the key is not complete, or manifest, or header or size of a shard, are damaged.
    """
    folder = location(key)
    known = manifest(key)
    shards = [open_shard(folder / name) for name in known["shards"]]
    for shard, digest in zip(shards, known["shards"].values(), strict=True):
        if shard.sha256 != digest:
            raise Damaged(shard.file, "the manifest knows other rows")
    _check_fit(folder, shards, known["rows"])
    return Embeddings(shards)


def read_prefix(key: str) -> Embeddings:
    """Open the rows from the first to the first that is not there yet, of a key that need not be complete."""
    shards: list[Shard] = []
    with suppress(Damaged):
        while not shards or shards[-1].shape[0]:
            shards.append(open_shard(location(key) / shard_name(sum(shard.shape[0] for shard in shards))))
    return Embeddings(shards)


def read_sealed(file: Path) -> dict[str, Any]:
    """The contents of a JSON file that holds its own sha256.

    Raises
    ------
    EmbedkitError
        Where it is not there, of another format, or not what was written.
    """
    try:
        contents = json.loads(file.read_bytes())
        seal = contents.pop("sha256")
    except FileNotFoundError:
        raise EmbedkitError(f"embeddings {file.parent.name[:12]} are not complete: {file} is not there") from None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise Damaged(file, "it cannot be read") from None
    except OSError as error:
        raise Damaged(file, f"it cannot be read ({error.strerror or error})") from None
    if seal != artefacts.key(contents):
        raise Damaged(file, "it is not what was written (sha256 differs)")
    return contents


def _sealed(contents: dict[str, Any]) -> bytes:
    return json.dumps({**contents, "sha256": artefacts.key(contents)}, indent=1).encode()


def _check_fit(folder: Path, shards: list[Shard], n: int) -> None:
    rows, widths = sum(shard.shape[0] for shard in shards), {shard.shape[1] for shard in shards}
    if rows != n or len(widths) != 1:
        raise Damaged(folder / MANIFEST, f"{len(shards)} shards hold {rows} rows, not {n}, of widths {sorted(widths)}")
