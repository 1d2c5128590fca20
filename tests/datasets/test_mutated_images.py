"""2,000 damaged images: each is decoded or told as broken, soon, and nothing but its own file is read."""

from __future__ import annotations

import io
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from embedkit.datasets.decode import BrokenImage, decode
from embedkit.datasets.scan import scan

COUNT = 2000
SECONDS_MAX = 5
"""For one image; a hang is longer."""

FORMS: list[tuple[str, dict[str, Any]]] = [
    ("JPEG", {}),
    ("JPEG", {"progressive": True, "exif": b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"}),
    ("PNG", {}),
    ("GIF", {"save_all": True}),
    ("BMP", {}),
    ("TIFF", {"compression": "tiff_lzw"}),
    ("WEBP", {}),
    ("PPM", {}),
]

_watched: list[tuple[str, Any]] | None = None


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if _watched is not None and event in ("open", "subprocess.Popen", "os.system", "os.exec", "socket.connect"):
        _watched.append((event, arguments[0]))


sys.addaudithook(_watch)


def originals() -> list[tuple[str, bytes]]:
    pixels = np.random.default_rng(0).integers(0, 256, (3, 20, 24, 3), dtype=np.uint8)
    made = []
    for suffix, options in FORMS:
        buffer = io.BytesIO()
        frames = [Image.fromarray(frame) for frame in pixels]
        more = {"append_images": frames[1:]} if "save_all" in options else {}
        frames[0].save(buffer, suffix, **options, **more)
        made.append((suffix.lower(), buffer.getvalue()))
    return made


def mutated(data: bytes, rng: np.random.Generator) -> bytes:
    """One of the ways in which files are damaged, or are made to do damage."""
    changed = bytearray(data)
    at = int(rng.integers(len(data)))
    kind = rng.integers(6)
    if kind == 0:
        return bytes(changed[:at])
    if kind == 1:
        for place in rng.integers(len(data), size=int(rng.integers(1, 9))):
            changed[place] = int(rng.integers(256))
    elif kind == 2:
        for place in rng.integers(min(64, len(data)), size=int(rng.integers(1, 5))):
            changed[place] = int(rng.choice([0, 1, 127, 128, 255]))  # sizes and offsets stand at the start
    elif kind == 3:
        changed[at : at + int(rng.integers(1, 64))] = b""
    elif kind == 4:
        changed[at:at] = rng.bytes(int(rng.integers(1, 64)))
    else:
        changed[at : at + 4] = b"\xff\xff\xff\xff"
    return bytes(changed)


@pytest.fixture(scope="module")
def damaged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("damaged")
    rng = np.random.default_rng(20)
    sound = originals()
    for i in range(COUNT):
        suffix, data = sound[i % len(sound)]
        (root / f"{i:04}.{suffix}").write_bytes(mutated(data, rng))
    return root


def test_every_damaged_image_is_decoded_or_told_as_broken_without_a_hang(damaged: Path) -> None:
    reasons, decoded = [], 0
    for file in sorted(damaged.iterdir()):
        data, started = file.read_bytes(), time.process_time()
        try:
            pixels = decode(data)
        except BrokenImage as broken:
            reasons.append(str(broken))
        else:
            assert (pixels.dtype, pixels.ndim, pixels.shape[2]) == (np.uint8, 3, 3)
            decoded += 1
        assert time.process_time() - started < SECONDS_MAX, file.name
    assert all(reasons)
    assert decoded + len(reasons) == COUNT
    assert min(decoded, len(reasons)) > COUNT / 10


def test_a_scan_of_damaged_images_reads_nothing_else_and_starts_nothing(damaged: Path, cache: Path) -> None:
    global _watched
    for _, data in originals():
        decode(data)  # Pillow loads its plugins
    paths = sorted(file.name for file in damaged.iterdir())
    _watched = []
    try:
        seen = scan(damaged, paths, lambda done, total: None)
    finally:
        events, _watched = _watched, None
    assert len(seen) == COUNT
    assert {event for event, _ in events} == {"open"}
    opened = {Path(os.fspath(path)) for _, path in events if isinstance(path, str | os.PathLike)}
    outside = [path for path in opened if not path.is_relative_to(damaged) and not path.is_relative_to(cache)]
    assert outside == []
    assert len(opened & {damaged / path for path in paths}) == COUNT
