"""Looking at every image once: readable or not, content, size; remembered for the next start."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from itertools import repeat
from pathlib import Path
from typing import NamedTuple

import numpy as np

from embedkit import artefacts
from embedkit.datasets.decode import MEGAPIXELS_MAX, BrokenImage, decode
from embedkit.engines import in_order

_FORMAT = 4
AHEAD = 512
"""How many images threads look at before they are asked for."""


class Seen(NamedTuple):
    """What a look at one image found; `changed_ns` is when its file's bytes or place last changed."""

    size: int
    changed_ns: int
    file_sha256: str
    pixels_sha256: str
    shape: tuple[int, int, int] | None
    problem: str


def scan(root: Path, paths: list[str], progress: Callable[[int, int], None]) -> list[Seen]:
    """Decode each file below `root` once; sound files that have not changed since the last scan are not read again."""
    inside = os.path.realpath(root)
    known = remembered(inside)
    found = {path: seen for path in paths if (seen := _unchanged(inside, path, known.get(path)))}
    new = [path for path in paths if path not in found]
    progress(len(found), len(paths))
    try:
        for path, seen in zip(new, in_order(lambda path: _look(inside, path), new, AHEAD), strict=True):
            found[path] = seen
            progress(len(found), len(paths))
    finally:  # what was seen before somebody stopped it need not be looked at again
        if new or len(known) > len(paths):
            remember(inside, found)
    return [found[path] for path in paths]


def remembered(place: str) -> dict[str, Seen]:
    """What was seen at a place the last time, by image: sound ones only; nothing where that cannot be read."""
    try:
        columns = json.loads(_memory(place).read_bytes())
        images, files, pixels = (columns[name].split("\n") for name in ("image", "file_sha256", "pixels_sha256"))
        shapes = [(height, width, channels) for height, width, channels in columns["shapes"]]
        shape = [shapes[at] for at in columns["shape"]]
        rows = zip(columns["size"], columns["changed_ns"], files, pixels, shape, repeat(""), strict=False)
        return dict(zip(images, map(Seen._make, rows), strict=True))
    except (OSError, ValueError, TypeError, KeyError, AttributeError, IndexError):
        return {}


def remember(place: str, seen: Mapping[str, Seen]) -> None:
    """Keep what was seen at a place for the next start.

    Texts are joined, which is read back three times as fast as lists of them.
    """
    sound = {image: look for image, look in seen.items() if not look.problem}
    shapes = list(dict.fromkeys(look.shape for look in sound.values()))
    number = {shape: at for at, shape in enumerate(shapes)}
    columns = {
        "image": "\n".join(sound),
        "file_sha256": "\n".join(look.file_sha256 for look in sound.values()),
        "pixels_sha256": "\n".join(look.pixels_sha256 for look in sound.values()),
        "size": [look.size for look in sound.values()],
        "changed_ns": [look.changed_ns for look in sound.values()],
        "shapes": shapes,
        "shape": [number[look.shape] for look in sound.values()],
    }
    artefacts.write_atomically(_memory(place), json.dumps(columns).encode())


def _memory(place: str) -> Path:
    return artefacts.folder("scans") / f"{artefacts.key([_FORMAT, MEGAPIXELS_MAX, place])}.json"


def look_at(data: bytes, size: int, changed_ns: int) -> Seen:
    """Decode the bytes of one image."""
    try:
        pixels = decode(data)
    except BrokenImage as problem:
        return Seen(size, changed_ns, "", "", None, str(problem))
    return Seen(size, changed_ns, hashlib.sha256(data).hexdigest(), pixels_sha256(pixels), _shape(pixels), "")


def look_at_pixels(pixels: np.ndarray) -> Seen:
    """What there is to see of an image (H, W, C) uint8 that is decoded already."""
    digest = pixels_sha256(pixels)
    return Seen(pixels.nbytes, 0, digest, digest, _shape(pixels), "")


def pixels_sha256(pixels: np.ndarray) -> str:
    """The same for equal pixels, whatever file they came from."""
    return hashlib.sha256(repr(pixels.shape).encode() + pixels.tobytes()).hexdigest()


def _shape(pixels: np.ndarray) -> tuple[int, int, int]:
    height, width, channels = pixels.shape
    return height, width, channels


def _unchanged(root: str, path: str, before: Seen | None) -> Seen | None:
    """What was seen before, where the file was sound and is still the same."""
    if before is None:
        return None
    try:
        stat = os.stat(f"{root}/{path}")  # noqa: PTH116 -- a Path costs more than the look at the file
    except OSError:
        return None
    return before if (before.size, before.changed_ns) == (stat.st_size, changed_ns(stat)) else None


def changed_ns(stat: os.stat_result) -> int:
    """When a file's bytes or its place last changed."""
    return max(stat.st_mtime_ns, stat.st_ctime_ns)  # unpacking and copying set the one back, but not the other


def _look(root: str, path: str) -> Seen:
    file = Path(root, path)
    try:
        stat = file.stat()
    except OSError as error:
        return Seen(0, 0, "", "", None, error.strerror or str(error))
    size, changed = stat.st_size, changed_ns(stat)
    if not path.isprintable():
        return Seen(size, changed, "", "", None, "its name is not printable text")
    if not file.resolve().is_relative_to(root):
        return Seen(size, changed, "", "", None, "a link that leads out of the folder")
    try:
        data = file.read_bytes()
    except OSError as error:
        return Seen(size, changed, "", "", None, error.strerror or str(error))
    return look_at(data, size, changed)
