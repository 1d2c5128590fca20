"""Who makes which shard, where several processes work on one key: a locked file for each shard that is being made.

The system frees the lock of a process that ends, however it ends; a process that stands still keeps its shard. On
network file systems the same holds between hosts where the server keeps locks (NFS does, unless mounted with
``nolock``); where locks are not kept, work may be done twice, and nothing else happens: shards are renamed into place.
"""

from __future__ import annotations

import errno
import os
import platform
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from embedkit import artefacts
from embedkit.embeddings import store
from embedkit.embeddings.shards import shard_name
from embedkit.errors import counted

try:
    import fcntl
except ImportError:  # Windows: no claims
    fcntl = None  # type: ignore[assignment]

_SECONDS_BETWEEN_LOOKS = 0.1


Shards = Iterator[tuple[int, int]]


@contextmanager
def rounds(key: str, n: int, waiting: Callable[[str], None] | None = None) -> Iterator[Iterator[Shards]]:
    """Rounds of shards to make of a key with `n` rows, until all are there.

    Each round gives row ranges [start, stop) that no other process is making. The caller writes them in any order, all
    of them before it asks for the next round: only between rounds others are waited for, and `waiting` is then told
    for whom. What others do not finish comes in the next round. All claims end with the context.

    Raises
    ------
    EmbedkitError
        Where the folder cannot be written.
    """
    held = _Held(key)
    try:
        yield _rounds(held, key, n, waiting)
    finally:
        held.release()


def _rounds(held: _Held, key: str, n: int, waiting: Callable[[str], None] | None) -> Iterator[Shards]:
    while missing := store.missing_shards(key, n):
        before = held.count
        yield held.take(missing)
        held.release()
        if held.count == before:
            if waiting is not None:
                waiting(f"waiting for {counted(len(missing), 'shard')} that others make ({_owners(key)})")
            time.sleep(_SECONDS_BETWEEN_LOOKS)


def in_progress(key: str) -> bool:
    """Whether a process is making a shard of a key."""
    return bool(_locked(key))


class _Held:
    """The shards that are claimed here; each claim ends when its shard is there, or with the round."""

    def __init__(self, key: str) -> None:
        self._key = key
        self._claims: dict[tuple[int, int], int] = {}
        self.count = 0

    def take(self, missing: list[tuple[int, int]]) -> Shards:
        folder = artefacts.folder("embeddings", self._key)
        for start, stop in missing:
            self._release_written()
            if store.is_there(self._key, start, stop):
                continue
            claim = _claim(folder / _claim_name(start))
            if claim is None:
                continue
            self._claims[start, stop] = claim
            if store.is_there(self._key, start, stop):  # made between the look and the claim
                continue
            for remains in folder.glob(f".{shard_name(start)}.*"):
                _remove(remains)
            self.count += 1
            yield start, stop

    def _release_written(self) -> None:
        for start, stop in list(self._claims):
            if store.is_there(self._key, start, stop):
                _release(store.location(self._key) / _claim_name(start), self._claims.pop((start, stop)))

    def release(self) -> None:
        self._release_written()
        for (start, _), claim in self._claims.items():
            _release(store.location(self._key) / _claim_name(start), claim)
        self._claims.clear()


def _claim(file: Path) -> int | None:
    """A descriptor that holds the lock of a shard, or None where another process does."""
    try:
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise artefacts.unwritable(file, error) from None
    if not _lock(descriptor) or not _is_still(file, descriptor):
        os.close(descriptor)
        return None
    with suppress(OSError):  # for those who wait to read
        os.truncate(descriptor, 0)
        os.write(descriptor, f"process {os.getpid()} on {platform.node()}".encode())
    return descriptor


def _lock(descriptor: int) -> bool:
    if fcntl is None:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in (errno.EWOULDBLOCK, errno.EACCES)  # else: a file system without locks
    return True


def _is_still(file: Path, descriptor: int) -> bool:
    """Whether the name is not gone or another's since the descriptor was opened."""
    try:
        return os.path.samestat(file.stat(), os.fstat(descriptor))
    except OSError:
        return False


def _release(file: Path, descriptor: int) -> None:
    _remove(file)
    if fcntl is not None:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_UN)
    os.close(descriptor)


def _remove(file: Path) -> None:
    with suppress(OSError):
        file.unlink()


def _locked(key: str) -> list[Path]:
    """The claims of a key that processes hold."""
    held = []
    for file in sorted(store.location(key).glob(".*.claim")):
        with suppress(OSError):
            descriptor = os.open(file, os.O_RDWR)
            if not _lock(descriptor):
                held.append(file)
            os.close(descriptor)
    return held


def _owners(key: str) -> str:
    owners = set()
    for file in _locked(key):
        with suppress(OSError):
            owners.add(file.read_text(encoding="utf-8"))
    return ", ".join(sorted(owners)) or "just done"


def _claim_name(start: int) -> str:
    return f".{start:09d}.claim"
