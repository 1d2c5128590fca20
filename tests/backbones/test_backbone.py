from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from embedkit.backbones.backbone import Backbone, Network, as_rgb, common_side, resized

PHOTO = np.random.default_rng(0).integers(0, 256, (37, 50, 3), dtype=np.uint8)


def test_grey_images_have_their_channel_three_times() -> None:
    grey = np.array([[[1], [2]]], dtype=np.uint8)
    np.testing.assert_array_equal(as_rgb(grey), [[[1, 1, 1], [2, 2, 2]]])


def test_colour_images_stay_as_they_are() -> None:
    assert as_rgb(PHOTO) is PHOTO


def test_without_a_side_pixels_are_divided_by_255_and_channels_come_first() -> None:
    np.testing.assert_array_equal(resized(PHOTO, None), PHOTO.transpose(2, 0, 1) / np.float32(255))


def test_resizing_to_the_same_side_changes_nothing() -> None:
    square = PHOTO[:20, :20]
    torch.testing.assert_close(resized(square, 20), resized(square, None))


@pytest.mark.parametrize("side", [8, 16, 64])
def test_resizing_is_that_of_pillow(side: int) -> None:
    reference = np.asarray(Image.fromarray(PHOTO).resize((side, side), Image.Resampling.BILINEAR))
    np.testing.assert_allclose(255 * resized(PHOTO, side).permute(1, 2, 0), reference, atol=1.01)


@pytest.mark.parametrize(
    ("shape", "side"),
    [((8, 8, 1), None), ((16, 3, 3), None), ((17, 3, 3), 16), ((3, 17, 3), 16), (None, 16)],
)
def test_small_images_of_one_size_are_not_resized(shape: tuple[int, int, int] | None, side: int | None) -> None:
    assert common_side(shape, 16) == side


def test_embed_runs_each_image_through_transform_and_network() -> None:
    doubled = Backbone(
        {}, lambda device, progress: Network(nn.Flatten(), lambda image: 2 * torch.tensor(image).float())
    )
    embedded = doubled.embed(np.array([[[[1, 2]]], [[[3, 4]]]], dtype=np.uint8))
    np.testing.assert_array_equal(embedded, [[2, 4], [6, 8]])
    assert embedded.dtype == np.float32


def test_images_of_different_sizes_are_embedded_together() -> None:
    pooled = Backbone({}, lambda device, progress: Network(nn.AdaptiveAvgPool2d(1), lambda image: resized(image, None)))
    embedded = pooled.embed([np.full((4, 5, 1), 255, np.uint8), np.full((9, 2, 1), 51, np.uint8)])
    np.testing.assert_allclose(embedded.ravel(), [1, 0.2])


def test_images_that_may_not_be_written_are_taken_without_a_warning() -> None:
    read_only = PHOTO.copy()
    read_only.setflags(write=False)
    torch.testing.assert_close(resized(read_only, 8), resized(PHOTO, 8))


@pytest.mark.parametrize(
    ("recipe", "weights"), [({}, "none"), ({"weights": "pool"}, "pool"), ({"weights": "V1"}, "pretrained")]
)
def test_weights_from_other_images_are_told_from_those_made_here(recipe: dict[str, str], weights: str) -> None:
    assert Backbone(recipe, lambda device, progress: None).weights == weights  # type: ignore[arg-type,return-value]
