"""What every backbone promises."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
import torch

from embedkit.backbones import BACKBONES, Backbone, Images, control_of, make_backbone
from embedkit.datasets import open_dataset
from embedkit.datasets.dataset import Dataset, subset
from embedkit.errors import EmbedkitError
from embedkit.spec import Spec, parse

every_kind = pytest.mark.parametrize(
    "spec",
    [
        "pixels",
        "autoencoder(epochs=1, width=4)",
        'squeezenet1_1(weights="none")',
        'mobilenet_v3_small(weights="none")',
        'shufflenet_v2_x0_5(weights="none")',
        'squeezenet1_1(image_size=96, layer=["features.5", "features.12"], pool="avg+max", weights="none")',
        'resnet18(image_size=64, layer="layer2.0.add", pool="gem", weights="none")',
    ],
)


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return subset(open_dataset(parse("digits")), np.arange(120))


def bound(spec: str, digits: Dataset) -> Backbone:
    return make_backbone(parse(spec), Images(digits, np.arange(110)))


@every_kind
def test_embeddings_are_finite_float32_and_tell_images_apart(spec: str, digits: Dataset) -> None:
    embedded = bound(spec, digits).embed(digits.image(i) for i in range(5))
    assert embedded.dtype == np.float32
    assert np.isfinite(embedded).all()
    assert len(np.unique(embedded, axis=0)) == 5


@every_kind
def test_an_image_alone_is_embedded_as_in_a_batch(spec: str, digits: Dataset) -> None:
    module, transform = bound(spec, digits).network("cpu", lambda share, doing: None)
    batch = torch.stack([transform(digits.image(i)) for i in range(6)])
    with torch.inference_mode():
        together, alone = module(batch), torch.cat([module(image[None]) for image in batch])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)


@every_kind
def test_a_recipe_is_plain_and_the_same_whenever_asked(spec: str, digits: Dataset) -> None:
    recipe = bound(spec, digits).recipe
    assert json.loads(json.dumps(recipe)) == recipe == bound(spec, digits).recipe
    assert recipe["name"] == parse(spec).name
    assert recipe["version"] >= 1


@every_kind
def test_the_global_random_state_is_left_alone(spec: str, digits: Dataset) -> None:
    before = torch.get_rng_state()
    bound(spec, digits).embed([digits.image(0)])
    assert torch.equal(torch.get_rng_state(), before)


def test_recipes_of_different_backbones_differ(digits: Dataset) -> None:
    specs = [
        "pixels",
        "autoencoder",
        "resnet18",
        "resnet34",
        'resnet18(weights="none")',
        "resnet18(weights='none', seed=1)",
    ]
    recipes = [json.dumps(bound(spec, digits).recipe) for spec in specs]
    assert len(set(recipes)) == len(specs)


def test_the_classification_networks_of_torchvision_are_there() -> None:
    assert {"alexnet", "convnext_tiny", "efficientnet_b0", "resnet50", "squeezenet1_0", "vit_b_16"} <= set(BACKBONES)


@pytest.mark.parametrize(
    "name", ["fasterrcnn_resnet50_fpn", "fcn_resnet50", "quantized_resnet18", "r3d_18", "raft_large"]
)
def test_networks_for_other_tasks_are_not_there(name: str) -> None:
    assert name not in BACKBONES


@pytest.mark.parametrize(
    ("spec", "control"),
    [
        ("resnet18", 'resnet18(weights="none")'),
        ('resnet18(seed=2, weights="mine.pth")', 'resnet18(seed=2, weights="none")'),
        ("autoencoder(dim=8)", 'autoencoder(dim=8, weights="none")'),
    ],
)
def test_the_control_is_the_same_network_untrained(spec: str, control: str) -> None:
    assert str(control_of(parse(spec))) == control


@pytest.mark.parametrize("name", ["pixels", "vectors"])
def test_what_has_no_weights_has_no_control(name: str) -> None:
    assert control_of(Spec(name)) is None


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        ("resnet5", "unknown backbone 'resnet5'; did you mean 'resnet50'? Backbones: "),
        (
            "resnet18(weight='none')",
            "unknown parameter 'weight'; did you mean 'weights'? resnet18 takes: weights, seed",
        ),
        ("resnet18(seed=-1)", "seed=-1: input should be greater than or equal to 0"),
        ("autoencoder(weights='mine.pth')", "cannot read the weights file 'mine.pth': No such file or directory; "),
    ],
)
def test_mistakes_are_told_with_what_is_allowed(spec: str, problem: str, digits: Dataset) -> None:
    with pytest.raises(EmbedkitError, match=re.escape(problem)):
        bound(spec, digits)
