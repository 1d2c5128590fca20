"""Every common format to RGB, with known pixels; or the reason why not."""

from __future__ import annotations

import io
import struct
import threading
import warnings
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image

from embedkit.datasets import decode as module
from embedkit.datasets.decode import BrokenImage, decode

NOISE = np.random.default_rng(0).integers(0, 256, (4, 6, 3), dtype=np.uint8)
RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def encoded(image: Image.Image, suffix: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, suffix, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("suffix", ["PNG", "BMP", "TIFF", "PPM"])
def test_a_lossless_format_gives_the_pixels_that_were_saved(suffix: str) -> None:
    pixels = decode(encoded(Image.fromarray(NOISE), suffix))
    assert pixels.dtype == np.uint8
    np.testing.assert_array_equal(pixels, NOISE)


def test_lossless_webp_gives_the_pixels_that_were_saved() -> None:
    np.testing.assert_array_equal(decode(encoded(Image.fromarray(NOISE), "WEBP", lossless=True)), NOISE)


def test_a_jpeg_of_one_colour_keeps_it() -> None:
    pixels = decode(encoded(Image.new("RGB", (16, 8), (200, 100, 50)), "JPEG", quality=95))
    assert pixels.shape == (8, 16, 3)
    assert np.abs(pixels.astype(int) - (200, 100, 50)).max() <= 2


def test_the_pixels_can_be_written_to() -> None:
    decode(encoded(Image.fromarray(NOISE), "PNG"))[0, 0] = 0


@pytest.mark.parametrize(
    ("orientation", "expected"),
    [
        (1, NOISE),
        (2, NOISE[:, ::-1]),
        (3, NOISE[::-1, ::-1]),
        (4, NOISE[::-1]),
        (5, NOISE.transpose(1, 0, 2)),
        (6, np.rot90(NOISE, -1)),
        (7, NOISE[::-1, ::-1].transpose(1, 0, 2)),
        (8, np.rot90(NOISE, 1)),
    ],
)
def test_the_photo_is_turned_as_exif_says(orientation: int, expected: np.ndarray) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    np.testing.assert_array_equal(decode(encoded(Image.fromarray(NOISE), "PNG", exif=exif)), expected)


def test_grey_becomes_three_equal_channels() -> None:
    grey = NOISE[..., 0]
    np.testing.assert_array_equal(decode(encoded(Image.fromarray(grey), "PNG")), np.stack([grey] * 3, axis=-1))


@pytest.mark.parametrize("suffix", ["PNG", "TIFF", "PPM"])
def test_grey_of_sixteen_bits_is_scaled_to_eight(suffix: str) -> None:
    grey = np.array([[0, 128, 129, 257], [32768, 65278, 65534, 65535]], dtype=np.uint16)
    pixels = decode(encoded(Image.fromarray(grey), suffix))
    np.testing.assert_array_equal(pixels[..., 1], [[0, 0, 1, 1], [128, 254, 255, 255]])
    assert pixels.shape == (2, 4, 3)


def test_black_and_white_becomes_0_and_255() -> None:
    pixels = decode(encoded(Image.fromarray(np.array([[True, False]])), "PNG"))
    np.testing.assert_array_equal(pixels[0], [WHITE, (0, 0, 0)])


def test_transparency_is_laid_on_white() -> None:
    rgba = np.array([[(255, 0, 0, 255), (255, 0, 0, 0), (0, 0, 0, 128)]], dtype=np.uint8)
    np.testing.assert_array_equal(decode(encoded(Image.fromarray(rgba), "PNG"))[0], [RED, WHITE, (127, 127, 127)])


def test_transparent_grey_is_laid_on_white() -> None:
    grey = np.array([[(0, 255), (0, 0)]], dtype=np.uint8)
    np.testing.assert_array_equal(decode(encoded(Image.fromarray(grey), "PNG"))[0], [(0, 0, 0), WHITE])


@pytest.mark.parametrize("transparency", [1, b"\xff\x00\xff"])
def test_a_palette_becomes_its_colours_and_its_transparent_ones_white(transparency: int | bytes) -> None:
    image = Image.fromarray(np.array([[0, 1, 2]], dtype=np.uint8), mode=None)
    image.putpalette([*RED, *GREEN, *BLUE])
    np.testing.assert_array_equal(decode(encoded(image, "PNG"))[0], [RED, GREEN, BLUE])
    with_hole = encoded(image, "PNG", transparency=transparency)
    np.testing.assert_array_equal(decode(with_hole)[0], [RED, WHITE, BLUE])


def test_cmyk_becomes_rgb() -> None:
    pixels = decode(encoded(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "JPEG", quality=100))
    assert np.abs(pixels.astype(int) - RED).max() <= 3


@pytest.mark.parametrize(
    ("suffix", "options"), [("GIF", {}), ("PNG", {}), ("WEBP", {"lossless": True}), ("TIFF", {})], ids=str
)
def test_of_an_animation_or_several_pages_the_first_is_taken(suffix: str, options: dict[str, Any]) -> None:
    frames = [Image.new("RGB", (5, 3), colour) for colour in (RED, GREEN, BLUE)]
    pixels = decode(encoded(frames[0], suffix, save_all=True, append_images=frames[1:], **options))
    assert pixels.shape == (3, 5, 3)
    assert (pixels == RED).all()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty file"),
        (b"not an image at all", "not an image"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\nshowpage\n", "not an image"),
    ],
)
def test_what_is_no_image_is_told(data: bytes, reason: str) -> None:
    with pytest.raises(BrokenImage) as told:
        decode(data)
    assert str(told.value) == reason


@pytest.mark.parametrize("suffix", ["JPEG", "PNG", "GIF", "BMP", "TIFF"])
def test_an_image_that_is_cut_short_is_refused_with_a_reason(suffix: str) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    whole = encoded(Image.fromarray(noise), suffix)
    with pytest.raises(BrokenImage, match=r"\w{4}"):
        decode(whole[: len(whole) // 2])


def test_a_truncated_jpeg_is_told_as_truncated() -> None:
    whole = encoded(Image.fromarray(NOISE).resize((64, 64)), "JPEG")
    with pytest.raises(BrokenImage, match=r"^image file is truncated"):
        decode(whole[:-200])


def test_a_header_that_claims_a_giant_image_is_refused_before_decoding() -> None:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", 20_000, 20_000, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    with pytest.raises(BrokenImage) as told:
        decode(bomb)
    assert str(told.value) == "too large: the limit is 100 megapixels"


def test_an_image_above_the_limit_is_told_with_its_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MEGAPIXELS_MAX", 0.0001)
    decode(encoded(Image.new("RGB", (10, 10)), "PNG"))
    with pytest.raises(BrokenImage) as told:
        decode(encoded(Image.new("RGB", (101, 1)), "PNG"))
    assert str(told.value) == "too large: 101x1 pixels, the limit is 0.0001 megapixels"


def test_decoding_in_threads_that_overlap_leaves_the_warning_filters_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    data = encoded(Image.fromarray(NOISE), "PNG")
    before = list(warnings.filters)
    inside, first_is_done = threading.Barrier(2), threading.Event()
    real = Image.open

    def open_together(*arguments: Any, **options: Any) -> Image.Image:
        if inside.wait(timeout=10) == 1:
            first_is_done.wait(timeout=10)
        return real(*arguments, **options)

    def work() -> None:
        decode(data)
        first_is_done.set()

    monkeypatch.setattr(Image, "open", open_together)
    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert warnings.filters == before
