from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from embedkit.backbones import Images
from embedkit.backbones.autoencoder_recipe import Recipe, make_recipe
from embedkit.backbones.corruption import Corruption
from embedkit.datasets import open_dataset
from embedkit.datasets.dataset import Dataset
from embedkit.errors import EmbedkitError
from embedkit.spec import parse


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return open_dataset(parse("digits"))


def made(dataset: Dataset, n: int = 1000, **written: Any) -> Recipe:
    return make_recipe(Images(dataset, np.arange(n)), written)


@pytest.mark.parametrize(("n", "epochs"), [(1437, 40), (1, 480), (128, 480), (129, 240), (1536, 40), (60000, 40)])
def test_40_epochs_and_at_least_480_steps(digits: Dataset, n: int, epochs: int) -> None:
    assert made(digits, n).epochs == epochs


@pytest.mark.parametrize(
    ("kind", "corruption"),
    [
        ("denoising", Corruption(noise=0.3)),
        ("plain", Corruption()),
        ("stacked", Corruption(noise=0.3)),
        ("masked", Corruption(drop=0.5)),
        ("variational", Corruption()),
    ],
)
def test_each_kind_has_its_corruption(digits: Dataset, kind: str, corruption: Corruption) -> None:
    assert made(digits, kind=kind).corruption == corruption


def test_what_is_written_is_added_to_the_corruption_of_the_kind(digits: Dataset) -> None:
    assert made(digits, kind="masked", noise=0.1).corruption == Corruption(noise=0.1, drop=0.5)
    assert made(digits, noise=0, distort=0.2).corruption == Corruption(distort=0.2)


@pytest.mark.parametrize(
    ("shape", "written", "input_shape"),
    [
        ((8, 8, 1), {}, (1, 8, 8)),
        ((7, 5, 3), {}, (3, 7, 5)),
        ((32, 20, 1), {}, (1, 32, 20)),
        ((33, 20, 1), {}, (1, 32, 32)),
        (None, {}, (3, 32, 32)),
        (None, {"image_size": 64}, (3, 64, 64)),
        ((7, 5, 3), {"image_size": 64}, (3, 64, 64)),
        ((96, 96, 3), {"image_size": 96}, (3, 96, 96)),
    ],
)
def test_small_images_of_one_size_stay_and_others_become_squares(
    digits: Dataset, shape: Any, written: dict[str, int], input_shape: tuple[int, int, int]
) -> None:
    assert made(replace(digits, shape=shape), **written).input == input_shape


@pytest.mark.parametrize(
    ("written", "told"),
    [
        (
            {"kind": "plain", "noise": 0.1},
            'a plain autoencoder sees images as they are; leave noise out, or write kind="',
        ),
        ({"kind": "masked", "drop": 0}, "a masked autoencoder learns from what is dropped; write drop above 0"),
        ({"kind": "stacked", "loss": "bce"}, "give back numbers that are no grey levels; leave loss='bce' out"),
    ],
)
def test_parameters_that_contradict_each_other_are_errors(digits: Dataset, written: dict[str, Any], told: str) -> None:
    with pytest.raises(EmbedkitError, match=re.escape(told)):
        made(digits, **written)


def test_a_plain_one_may_say_that_nothing_is_done(digits: Dataset) -> None:
    assert made(digits, kind="plain", noise=0) == made(digits, kind="plain")


@pytest.mark.parametrize(("shape", "size"), [((3, 8, 8), 128), ((3, 128, 128), 128), ((1, 224, 224), 41)])
def test_batches_of_large_images_are_smaller(shape: tuple[int, int, int], size: int) -> None:
    assert Recipe(input=shape, epochs=1, trained_on="").batch_size == size


def test_a_written_precision_stays() -> None:
    recipe = Recipe(input=(1, 8, 8), epochs=1, trained_on="", precision="float32")
    assert recipe.on("cpu") == recipe


def test_the_seed_draws_the_network() -> None:
    first, again, other = (
        Recipe(input=(1, 8, 8), epochs=1, trained_on="", seed=seed).untrained().encoder[0][0].weight
        for seed in (1, 1, 2)
    )
    assert first.equal(again)
    assert not first.equal(other)
