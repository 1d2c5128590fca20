"""Looking after the store: find what is damaged, remove what is not needed. Needs numpy only."""

from __future__ import annotations

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import NamedTuple

from embedkit import artefacts
from embedkit.embeddings import claims, store
from embedkit.embeddings.inventory import Entry
from embedkit.embeddings.shards import Damaged, open_shard
from embedkit.errors import EmbedkitError


class Verified(NamedTuple):
    """What reading every byte of a key's embeddings gave."""

    damage: list[Damaged]
    nbytes: int


def verify(key: str) -> Verified:
    """Read every shard there is, complete or not, and compare it with its sha256, its name and the manifest."""
    folder = store.location(key)
    files = sorted(folder.glob("*.safetensors"))

    def damage_of(number: int) -> Damaged | None:
        try:
            open_shard(files[number]).check_rows()
        except Damaged as damage:
            return damage
        return None

    with ThreadPoolExecutor(os.cpu_count()) as threads:
        found = [damage for damage in threads.map(damage_of, range(len(files))) if damage]
    for look in (store.read, store.read_ids) if (folder / store.MANIFEST).exists() else ():
        try:
            look(key)
        except Damaged as damage:
            if damage.file not in [other.file for other in found]:
                found.append(damage)
    return Verified(found, sum(file.stat().st_size for file in files))


def remove_damaged(key: str, damage: list[Damaged]) -> None:
    """Remove files that are damaged, and the manifest: the next run makes them, and only them, again."""
    folder = store.location(key)
    with suppress(EmbedkitError):
        known = store.read_sealed(folder / store.MANIFEST)
        store.begin(
            key, known["rows"], {name: known[name] for name in ("dataset", "recipe", "precision") if name in known}
        )
    for file in (folder / store.MANIFEST, *(each.file for each in damage)):
        try:
            file.unlink(missing_ok=True)
        except OSError as error:
            raise artefacts.unwritable(file, error) from None
    if not any(folder.glob("*.safetensors")):
        shutil.rmtree(folder, ignore_errors=True)


def remove(entry: Entry) -> None:
    """Remove the embeddings of a key. Who reads them goes on reading, where the system keeps open files.

    Raises
    ------
    EmbedkitError
        Where a process is making them, or the folder cannot be removed.
    """
    if claims.in_progress(entry.key):
        raise EmbedkitError(f"embeddings {entry.key[:12]} are being made by a process; wait for it, or end it first")
    folder = store.location(entry.key)
    try:
        (folder / store.MANIFEST).unlink(missing_ok=True)  # first: what is half removed must not look complete
        shutil.rmtree(folder)
    except OSError as error:
        raise artefacts.unwritable(folder, error) from None
