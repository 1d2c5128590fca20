from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image

from embedkit.report.thumbnails import COLUMNS, picture_uri, sprite, thumbnail


def opened(uri: str) -> np.ndarray:
    assert uri.startswith("data:image/webp;base64,")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1]))).convert("RGB"))


def test_large_images_are_fitted_into_a_white_square() -> None:
    tile = thumbnail(np.zeros((100, 200, 3), dtype=np.uint8), 40)
    assert tile.shape == (40, 40, 3)
    assert tile[0, 0].tolist() == [255] * 3
    assert tile[20, 20].tolist() == [0] * 3


def test_small_images_stay_as_they_are_without_loss() -> None:
    image = np.arange(64, dtype=np.uint8).reshape(8, 8, 1)
    tile = thumbnail(image, 40)
    assert np.array_equal(tile, np.broadcast_to(image, (8, 8, 3)))
    assert np.array_equal(opened(picture_uri(tile, 1)), tile)


def test_a_sprite_holds_tiles_row_by_row() -> None:
    tiles = [np.full((8, 8, 3), i, dtype=np.uint8) for i in range(COLUMNS + 2)]
    made = sprite(tiles, 100_000)
    assert made is not None
    assert made.side == 8
    sheet = opened(made.uri)
    assert sheet.shape == (16, COLUMNS * 8, 3)
    assert sheet[12, 12, 0] == COLUMNS + 1


def test_a_sprite_gets_coarser_until_it_fits() -> None:
    rng = np.random.default_rng(0)
    tiles = [rng.integers(0, 256, (40, 40, 3)).astype(np.uint8) for _ in range(64)]
    fine, coarse = sprite(tiles, 200_000), sprite(tiles, 12_000)
    assert fine is not None
    assert coarse is not None
    assert fine.side == 40
    assert coarse.side < 40
    assert len(base64.b64decode(coarse.uri.split(",")[1])) <= 12_000
    assert sprite(tiles, 100) is None


def test_a_picture_gets_coarser_until_it_fits() -> None:
    tile = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    fine, coarse = picture_uri(tile, 100_000), picture_uri(tile, 1500)
    assert opened(fine).shape == (64, 64, 3)
    assert opened(coarse).shape[0] < 64
    assert len(base64.b64decode(coarse.split(",")[1])) <= 1500
