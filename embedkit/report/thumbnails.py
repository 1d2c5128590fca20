"""Small pictures inside the page, within a stated number of bytes."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from embedkit.datasets import Dataset
from embedkit.engines import default_jobs

SIDES = (64, 40, 32, 24, 16)
SPRITE_SIDE = 40
QUALITIES = (70, 45, 25)
COLUMNS = 32


@dataclass(frozen=True)
class Sprite:
    """Many square thumbnails in one WebP file: `side` pixels each, `COLUMNS` to a row."""

    uri: str
    side: int


def thumbnails(dataset: Dataset, ids: Sequence[str], side: int = SIDES[0]) -> list[np.ndarray]:
    """Images by their ids, fitted into a square: (side', side', 3) uint8 each, `side'` smaller where images are."""
    number = {image: i for i, image in enumerate(dataset.ids)}
    with ThreadPoolExecutor(default_jobs()) as threads:
        return list(threads.map(lambda image: thumbnail(dataset.image(number[image]), side), ids))


def thumbnail(image: np.ndarray, side: int) -> np.ndarray:
    """An image (H, W, C) in the middle of a white square, made smaller where it is larger than that."""
    from PIL import Image

    side = min(side, max(image.shape[:2]))
    picture = Image.fromarray(np.broadcast_to(image, (*image.shape[:2], 3)) if image.shape[2] == 1 else image)
    picture.thumbnail((side, side))
    square = Image.new("RGB", (side, side), "white")
    square.paste(picture, ((side - picture.width) // 2, (side - picture.height) // 2))
    return np.asarray(square)


def sprite(tiles: Sequence[np.ndarray], bytes_max: int) -> Sprite | None:
    """Thumbnails of one size in one file of at most so many bytes: the best that fits, or None where nothing does."""
    for side, quality in _steps(tiles[0].shape[0]):
        data = _webp(_sheet(tiles, side), quality)
        if len(data) <= bytes_max:
            return Sprite(data_uri(data), side)
    return None


def _steps(side: int) -> Iterator[tuple[int, int]]:
    """Sides and qualities, from fine to coarse; tiny images without loss."""
    if side <= SIDES[-1]:
        yield side, 100
        return
    for smaller in [side, *(each for each in SIDES if each < side)]:
        for quality in QUALITIES:
            yield smaller, quality


def _sheet(tiles: Sequence[np.ndarray], side: int) -> np.ndarray:
    """All tiles in rows of `COLUMNS`: (rows * side, COLUMNS * side, 3) uint8."""
    rows = -(-len(tiles) // COLUMNS)
    sheet = np.full((rows * side, COLUMNS * side, 3), 255, dtype=np.uint8)
    for i, tile in enumerate(tiles):
        top, left = i // COLUMNS * side, i % COLUMNS * side
        sheet[top : top + side, left : left + side] = thumbnail(tile, side)
    return sheet


def picture_uri(tile: np.ndarray, bytes_max: int) -> str:
    """One thumbnail as the address of an image: the best of at most so many bytes, or the smallest."""
    data = b""
    for side, quality in _steps(tile.shape[0]):
        data = _webp(thumbnail(tile, side), quality)
        if len(data) <= bytes_max:
            break
    return data_uri(data)


def _webp(pixels: np.ndarray, quality: int) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "WEBP", quality=quality, lossless=quality == 100)
    return buffer.getvalue()


def data_uri(webp: bytes) -> str:
    return f"data:image/webp;base64,{base64.b64encode(webp).decode()}"
