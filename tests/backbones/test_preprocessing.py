from __future__ import annotations

import json

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image

from embedkit.backbones.preprocessing import Preprocessing, of_preset
from embedkit.backbones.pretrained import pretrained
from embedkit.backbones.torchvision_networks import NETWORKS

PHOTOS = [np.random.default_rng(0).integers(0, 256, (h, w, 3), dtype=np.uint8) for h, w in ((60, 50), (300, 410))]
SMALL = Preprocessing(resize=8, crop=6, interpolation="bilinear", mean=(0.5, 0.25, 0.0), std=(0.5, 0.25, 1.0))


@pytest.mark.parametrize("name", NETWORKS)
def test_it_is_the_preset_of_every_network_of_torchvision_to_one_grey_level(name: str) -> None:
    preset = torchvision.models.get_model_weights(name).DEFAULT.transforms()
    stated = of_preset(preset)
    for photo in PHOTOS if stated.crop == 224 else PHOTOS[:1]:  # larger crops take long
        levels = (stated(photo) - preset(Image.fromarray(photo))).abs() * torch.tensor(preset.std)[:, None, None] * 255
        assert levels.flatten()[::7].quantile(0.99) < 1.01  # all but some of noise that is made larger
        assert levels.mean() < 0.05


def test_the_network_comes_with_it() -> None:
    preset = torchvision.models.get_model_weights("resnet18").DEFAULT.transforms()
    backbone = pretrained("resnet18", None, weights="none")  # type: ignore[arg-type]
    assert backbone.network("cpu", lambda share, doing: None).transform == of_preset(preset)


def test_its_two_steps_are_the_whole() -> None:
    batch = torch.stack([torch.tensor(PHOTOS[0]).permute(2, 0, 1)] * 2)  # (2, 3, 60, 50)
    cropped = SMALL.crop_centre(batch)
    assert (cropped.dtype, cropped.shape) == (torch.uint8, (2, 3, 6, 6))
    torch.testing.assert_close(SMALL.normalise(cropped)[1], SMALL(PHOTOS[0]), rtol=0, atol=0)


def test_normalising_by_hand() -> None:
    pixels = torch.tensor([0, 51, 255], dtype=torch.uint8)[:, None, None]
    np.testing.assert_allclose(SMALL.normalise(pixels).ravel(), [-1, -0.2, 1], atol=1e-6)


def test_resizing_and_cropping_are_those_of_pillow_to_one_grey_level() -> None:
    reference = Image.fromarray(PHOTOS[1]).resize((10, 8), Image.Resampling.BILINEAR).crop((2, 1, 8, 7))
    cropped = SMALL.crop_centre(torch.tensor(PHOTOS[1]).permute(2, 0, 1))
    np.testing.assert_allclose(cropped.permute(1, 2, 0), np.asarray(reference), atol=1)


def test_without_keep_ratio_both_sides_are_brought_to_the_size() -> None:
    squashed = Preprocessing(8, 8, "bicubic", SMALL.mean, SMALL.std, keep_ratio=False)
    reference = np.asarray(Image.fromarray(PHOTOS[1]).resize((8, 8), Image.Resampling.BICUBIC))
    cropped = squashed.crop_centre(torch.tensor(PHOTOS[1]).permute(2, 0, 1))
    np.testing.assert_allclose(cropped.permute(1, 2, 0), reference, atol=1)


def test_grey_images_are_taken_as_colour() -> None:
    grey = PHOTOS[0][..., :1]
    torch.testing.assert_close(SMALL(grey), SMALL(np.repeat(grey, 3, axis=2)))


@pytest.mark.parametrize(("size", "resize"), [(224, 256), (112, 128), (192, 219), (1, 1)])
def test_another_size_keeps_the_proportion_of_resize_to_crop(size: int, resize: int) -> None:
    imagenet = of_preset(torchvision.models.ResNet18_Weights.DEFAULT.transforms())
    assert (imagenet.at(size).resize, imagenet.at(size).crop) == (resize, size)


def test_every_field_is_in_the_recipe() -> None:
    assert json.loads(json.dumps(SMALL.recipe())) == {
        "resize": 8,
        "crop": 6,
        "interpolation": "bilinear",
        "mean": [0.5, 0.25, 0.0],
        "std": [0.5, 0.25, 1.0],
        "keep_ratio": True,
    }
