from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from embedkit.backbones import Images, make_backbone
from embedkit.datasets import open_dataset
from embedkit.datasets.dataset import Dataset
from embedkit.datasets.vectors import from_arrays
from embedkit.errors import EmbedkitError
from embedkit.spec import parse

POOL = np.arange(10)


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return open_dataset(parse("digits"))


@pytest.fixture
def points() -> Dataset:
    X = np.random.default_rng(0).normal(size=(10, 3)).astype(np.float32)
    X.setflags(write=False)
    return from_arrays(X, ["a", "b"] * 5, None, None, "points")


def test_pixels_of_small_grey_images_are_the_pixels(digits: Dataset) -> None:
    embedded = make_backbone(parse("pixels"), Images(digits, POOL)).embed([digits.image(3)])
    np.testing.assert_array_equal(embedded, digits.image(3).reshape(1, 64) / np.float32(255))


def test_pixels_of_small_colour_images_come_channel_by_channel(digits: Dataset) -> None:
    image = np.arange(7 * 5 * 3, dtype=np.uint8).reshape(7, 5, 3)
    colour = replace(digits, shape=image.shape)
    embedded = make_backbone(parse("pixels"), Images(colour, POOL)).embed([image])
    np.testing.assert_array_equal(embedded[0], image.transpose(2, 0, 1).ravel() / np.float32(255))


def test_pixels_of_mixed_sizes_are_resized_to_one(digits: Dataset) -> None:
    mixed = replace(digits, shape=None)
    images = [np.full((h, w, 3), 51, dtype=np.uint8) for h, w in ((5, 9), (40, 30))]
    embedded = make_backbone(parse("pixels"), Images(mixed, POOL)).embed(images)
    np.testing.assert_allclose(embedded, np.full((2, 16 * 16 * 3), 0.2), rtol=1e-6)


def test_the_size_of_pixels_can_be_chosen(digits: Dataset) -> None:
    quadrants = np.kron(np.array([[0, 255], [255, 0]], dtype=np.uint8), np.ones((4, 4), dtype=np.uint8))[..., None]
    embedded = make_backbone(parse("pixels(size=1)"), Images(digits, POOL)).embed([quadrants])
    np.testing.assert_allclose(embedded, [[0.5]])


def test_vectors_are_passed_on(points: Dataset) -> None:
    embedded = make_backbone(parse("vectors"), Images(points, POOL)).embed([points.image(i) for i in (4, 2)])
    np.testing.assert_array_equal(embedded, points.vectors[[4, 2]])


def test_vectors_of_images_are_an_error(digits: Dataset) -> None:
    with pytest.raises(EmbedkitError, match="'vectors' needs a data set of vectors; digits holds images"):
        make_backbone(parse("vectors"), Images(digits, POOL))


@pytest.mark.parametrize("name", ["pixels", "autoencoder", "resnet18"])
def test_images_of_vectors_are_an_error(points: Dataset, name: str) -> None:
    with pytest.raises(EmbedkitError, match=f"the backbone '{name}' needs images; points holds vectors"):
        make_backbone(parse(name), Images(points, POOL))


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        ("pixels(size=0)", "size=0: input should be greater than or equal to 1"),
        ("pixels(size=300)", "size=300: input should be less than or equal to 256"),
        ("pixels(side=8)", "unknown parameter 'side'; did you mean 'size'? pixels takes: size"),
    ],
)
def test_mistakes_are_told_with_what_is_allowed(digits: Dataset, spec: str, problem: str) -> None:
    with pytest.raises(EmbedkitError, match=re.escape(problem)):
        make_backbone(parse(spec), Images(digits, POOL))
