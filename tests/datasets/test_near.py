"""Near duplicates are found among many images, in any order, and unlike images are not."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from embedkit.datasets.near import BITS_MAX, SIDE, hashes, near_pairs, shows_enough, thumbnail


def picture(seed: int, size: tuple[int, int] = (120, 90)) -> Image.Image:
    """Something smooth, as photos are: coarse noise, enlarged."""
    coarse = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)


def thumbnails(*images: Image.Image) -> np.ndarray:
    return np.stack([thumbnail(np.asarray(image)) for image in images])


def test_a_thumbnail_is_grey_and_small() -> None:
    image = np.zeros((64, 64, 3), dtype=np.uint8)
    image[:, 32:] = 200
    small = thumbnail(image)
    assert (small.shape, small.dtype) == ((SIDE, SIDE), np.uint8)
    np.testing.assert_array_equal(small[0, [0, 15, 16, 31]], [0, 0, 200, 200])
    np.testing.assert_array_equal(thumbnail(image[..., :1]), small)


@pytest.mark.parametrize(
    "change",
    [
        lambda image: image.resize((60, 45)),
        lambda image: image.resize((300, 200)),
        lambda image: ImageEnhance.Brightness(image).enhance(0.7),
        lambda image: ImageEnhance.Color(image).enhance(0.0).convert("RGB"),
        lambda image: image.crop((2, 2, 118, 88)),
    ],
    ids=["smaller", "stretched", "darker", "grey", "cropped"],
)
def test_a_changed_copy_is_found_among_many(change: object) -> None:
    images = [picture(seed) for seed in range(200)]
    images[150] = change(images[20])  # type: ignore[operator]
    np.testing.assert_array_equal(near_pairs(thumbnails(*images)), [[20, 150]])


def test_the_most_alike_come_first() -> None:
    image = picture(0)
    pairs = near_pairs(thumbnails(image, image.crop((3, 3, 117, 87)), picture(1), image))
    assert pairs.tolist()[0] == [0, 3]
    assert {tuple(pair) for pair in pairs.tolist()} == {(0, 1), (0, 3), (1, 3)}


def test_every_pair_of_close_hashes_is_compared_once() -> None:
    from embedkit.datasets.near import _candidates

    rng = np.random.default_rng(0)
    base = rng.integers(0, 2**63, 40, dtype=np.uint64)
    hashed = np.concatenate([base, base ^ np.uint64(0b1011) << np.uint64(7), base ^ np.uint64(0x0101010101010101)])
    found = [tuple(pair) for batch in _candidates(hashed) for pair in batch.tolist()]
    close = np.bitwise_count(hashed[:, None] ^ hashed) <= BITS_MAX
    assert sorted(found) == [(i, j) for i, j in np.argwhere(close).tolist() if i < j]


def test_blank_images_and_none_are_like_no_other() -> None:
    blank = Image.new("RGB", (40, 40), (90, 90, 90))
    assert near_pairs(thumbnails(blank, blank, picture(0))).shape == (0, 2)
    assert near_pairs(np.zeros((0, SIDE, SIDE), dtype=np.uint8)).shape == (0, 2)
    assert hashes(thumbnails(picture(0))).dtype == np.uint64


def drawn(side: int, width: int) -> np.ndarray:
    """A white square with a black bar of this width, (side, side, 1) uint8."""
    image = np.full((side, side, 1), 255, dtype=np.uint8)
    image[:, :width] = np.random.default_rng(0).integers(0, 200, (side, width, 1))
    return image


@pytest.mark.parametrize(
    ("image", "enough"),
    [
        (np.asarray(picture(0)), True),
        (np.asarray(picture(0, size=(32, 40))), True),
        (np.asarray(picture(0, size=(31, 40))), False),
        (drawn(64, 30), False),
        (drawn(64, 32), True),
    ],
    ids=["photo", "small", "tiny", "mostly white", "half white"],
)
def test_tiny_images_and_those_on_one_grey_level_show_too_little(image: np.ndarray, enough: bool) -> None:
    assert shows_enough(image, thumbnail(image)) is enough
