"""What the store holds: one entry for each key, complete or not, in words. Needs numpy only."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from embedkit import artefacts
from embedkit.embeddings import claims, store
from embedkit.embeddings.shards import Damaged, open_shard
from embedkit.errors import EmbedkitError, listing

KEY_SHOWN = 12


@dataclass(frozen=True)
class Entry:
    """The embeddings of one key.

    Attributes
    ----------
    state : str
        "complete"; "in progress" where a process is making it, else "unfinished"; "damaged" where there is a manifest,
        but it, or the header or size of a shard, is not what was written; "old" where it has another store format.
    dataset, backbone : str
        As they were named when the embeddings were made.
    rows, of_rows : int
        How many rows are there, and how many there will be; 0 where it is not known.
    width, nbytes : int
        Numbers (float32) in a row; bytes on disk.
    precision : str
        That the network computed in.
    made : datetime
        When something was written last, in local time.
    """

    key: str
    state: Literal["complete", "in progress", "unfinished", "damaged", "old"]
    dataset: str
    backbone: str
    rows: int
    of_rows: int
    width: int
    nbytes: int
    precision: str
    made: datetime


def entries() -> list[Entry]:
    """All that is stored, the newest first."""
    folder = artefacts.cache() / "embeddings"
    keys = [path.name for path in folder.iterdir() if path.is_dir()] if folder.is_dir() else []
    return sorted(map(_entry, keys), key=lambda entry: entry.made, reverse=True)


def find(prefix: str) -> Entry:
    """The entry whose key begins so.

    Raises
    ------
    EmbedkitError
        Where there is none, or more than one.
    """
    there = entries()
    fitting = [entry for entry in there if entry.key.startswith(prefix)]
    if len(fitting) == 1:
        return fitting[0]
    if not fitting:
        keys = listing([entry.key[:KEY_SHOWN] for entry in there]) or "none"
        raise EmbedkitError(f"no stored embeddings have a key that begins with {prefix!r}; keys: {keys}")
    keys = listing([entry.key[:KEY_SHOWN] for entry in fitting])
    raise EmbedkitError(f"{len(fitting)} keys begin with {prefix!r} ({keys}); write more of the one that is meant")


def _entry(key: str) -> Entry:
    folder = store.location(key)
    files = list(_stats(folder))
    known = _known(folder)
    rows, width = _rows_there(folder)
    return Entry(
        key=key,
        state=_state(key, folder),
        dataset=str(known.get("dataset", "?")),
        backbone=_backbone(known.get("recipe")),
        rows=rows,
        of_rows=known.get("rows", 0),
        width=width,
        nbytes=sum(file.st_size for file in files),
        precision=str(known.get("precision", "?")),
        made=datetime.fromtimestamp(max((file.st_mtime for file in files), default=0)),
    )


def _stats(folder: Path) -> Iterator[os.stat_result]:
    for file in folder.glob("*"):
        with suppress(FileNotFoundError):  # of a process that is writing
            yield file.stat()


def _state(key: str, folder: Path) -> Literal["complete", "in progress", "unfinished", "damaged", "old"]:
    if store.is_complete(key):
        return "complete"
    if claims.in_progress(key):
        return "in progress"
    if not (folder / store.MANIFEST).exists():
        return "unfinished"
    try:
        written_as = json.loads((folder / store.MANIFEST).read_bytes())["format"]
    except (OSError, ValueError, TypeError, KeyError):
        return "damaged"
    return "damaged" if written_as == store.FORMAT else "old"


def _known(folder: Path) -> dict[str, Any]:
    for name in (store.MANIFEST, store.BEGUN):
        try:
            return store.read_sealed(folder / name)
        except EmbedkitError:
            continue
    return {}


def _rows_there(folder: Path) -> tuple[int, int]:
    rows, width = 0, 0
    for file in folder.glob("*.safetensors"):
        try:
            m, width = open_shard(file).shape
        except Damaged:
            continue
        rows += m
    return rows, width


def _backbone(recipe: Any) -> str:
    """The name and the short values of a recipe, such as ``resnet18(weights=IMAGENET1K_V1)``; digests are cut."""
    if not isinstance(recipe, dict):
        return "?"
    kept = {field: value for field, value in recipe.items() if field not in ("name", "version", "transform")}
    written = [
        f"{field}={_short(value)}" for field, value in kept.items() if isinstance(value, (str, int, float, list))
    ]
    if isinstance(transform := recipe.get("transform"), dict):
        written.append(f"image_size={transform.get('crop', '?')}")
    name = str(recipe.get("name", "?"))
    return f"{name}({', '.join(written)})" if written else name


def _short(value: str | float | list[str]) -> str:
    if isinstance(value, list):
        return "+".join(map(str, value))
    if not isinstance(value, str):
        return str(value)
    return value.rpartition(".")[2] if len(value) < 64 else value[:8]
