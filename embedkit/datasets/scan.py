"""Looking at every file of a folder once: readable or not, content, size; remembered for the next start."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from embedkit import artefacts
from embedkit.datasets.decode import MEGAPIXELS_MAX, BrokenImage, decode

_FORMAT = 1


@dataclass(frozen=True)
class Seen:
    """What a look at one image file found."""

    size: int
    mtime_ns: int
    file_sha256: str
    pixels_sha256: str
    shape: tuple[int, int, int] | None
    problem: str


def scan(root: Path, paths: list[str], progress: Callable[[int, int], None]) -> list[Seen]:
    """Decode each file below `root` once; files that have not changed since the last scan are not read again."""
    memory = artefacts.folder("scans") / f"{artefacts.key([_FORMAT, MEGAPIXELS_MAX, str(root.resolve())])}.json"
    known = _remembered(memory)

    def look(path: str) -> Seen:
        try:
            stat = (root / path).stat()
        except OSError as error:
            return Seen(0, 0, "", "", None, error.strerror or str(error))
        before = known.get(path)
        if before and (before.size, before.mtime_ns) == (stat.st_size, stat.st_mtime_ns):
            return before
        return _look(root, path, stat)

    seen = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for found in pool.map(look, paths):
            seen.append(found)
            progress(len(seen), len(paths))
    if any(known.get(path) is not found for path, found in zip(paths, seen, strict=True)):
        artefacts.write_atomically(
            memory, json.dumps({path: asdict(found) for path, found in zip(paths, seen, strict=True)}).encode()
        )
    return seen


def _remembered(memory: Path) -> dict[str, Seen]:
    try:
        stored = json.loads(memory.read_bytes())
        return {
            path: Seen(**{**found, "shape": tuple(found["shape"]) if found["shape"] else None})
            for path, found in stored.items()
        }
    except (OSError, ValueError, TypeError, KeyError):
        return {}


def _look(root: Path, path: str, stat: os.stat_result) -> Seen:
    file = root / path
    size, mtime_ns = stat.st_size, stat.st_mtime_ns
    if not file.resolve().is_relative_to(root.resolve()):
        return Seen(size, mtime_ns, "", "", None, "a link that leads out of the folder")
    try:
        data = file.read_bytes()
        pixels = decode(data)
    except OSError as error:
        return Seen(size, mtime_ns, "", "", None, error.strerror or str(error))
    except BrokenImage as problem:
        return Seen(size, mtime_ns, "", "", None, str(problem))
    height, width, channels = pixels.shape
    content = hashlib.sha256(repr(pixels.shape).encode() + pixels.tobytes()).hexdigest()
    return Seen(size, mtime_ns, hashlib.sha256(data).hexdigest(), content, (height, width, channels), "")
