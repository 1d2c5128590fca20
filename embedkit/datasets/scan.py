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

_FORMAT = 2


@dataclass(frozen=True)
class Seen:
    """What a look at one image file found; `changed_ns` is when its bytes or its place last changed."""

    size: int
    changed_ns: int
    file_sha256: str
    pixels_sha256: str
    shape: tuple[int, int, int] | None
    problem: str


def scan(root: Path, paths: list[str], progress: Callable[[int, int], None]) -> list[Seen]:
    """Decode each file below `root` once; sound files that have not changed since the last scan are not read again."""
    memory = artefacts.folder("scans") / f"{artefacts.key([_FORMAT, MEGAPIXELS_MAX, str(root.resolve())])}.json"
    known = _remembered(memory)

    def look(path: str) -> Seen:
        try:
            stat = (root / path).stat()
        except OSError as error:
            return Seen(0, 0, "", "", None, error.strerror or str(error))
        before = known.get(path)
        if before and not before.problem and (before.size, before.changed_ns) == (stat.st_size, _changed_ns(stat)):
            return before
        return _look(root, path, stat)

    seen = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for found in pool.map(look, paths):
            seen.append(found)
            progress(len(seen), len(paths))
    if any(known.get(path) != found for path, found in zip(paths, seen, strict=True)):
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
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {}


def _changed_ns(stat: os.stat_result) -> int:
    return max(stat.st_mtime_ns, stat.st_ctime_ns)  # unpacking and copying set the one back, but not the other


def _look(root: Path, path: str, stat: os.stat_result) -> Seen:
    file = root / path
    size, changed_ns = stat.st_size, _changed_ns(stat)
    if not path.isprintable():
        return Seen(size, changed_ns, "", "", None, "its name is not printable text")
    if not file.resolve().is_relative_to(root.resolve()):
        return Seen(size, changed_ns, "", "", None, "a link that leads out of the folder")
    try:
        data = file.read_bytes()
        pixels = decode(data)
    except OSError as error:
        return Seen(size, changed_ns, "", "", None, error.strerror or str(error))
    except BrokenImage as problem:
        return Seen(size, changed_ns, "", "", None, str(problem))
    height, width, channels = pixels.shape
    content = hashlib.sha256(repr(pixels.shape).encode() + pixels.tobytes()).hexdigest()
    return Seen(size, changed_ns, hashlib.sha256(data).hexdigest(), content, (height, width, channels), "")
