from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torchvision
from torch import nn

from embedkit.backbones import BACKBONES, Backbone, Preprocessing
from embedkit.backbones.layers import WHOLE
from embedkit.backbones.network import bind_network
from embedkit.backbones.preprocessing import of_preset
from embedkit.backbones.pretrained import pretrained
from embedkit.errors import EmbedkitError
from embedkit.spec import checked_params, parse

PHOTOS = [np.random.default_rng(seed).integers(0, 256, (40, 50, 3), dtype=np.uint8) for seed in range(2)]


def bound(text: str) -> Backbone:
    spec = parse(text)
    build = BACKBONES[spec.name]
    return build(None, **checked_params(spec, build))


def small(text: str) -> np.ndarray:
    """Embeddings by an untrained network that is written without a closing bracket, at 64 x 64."""
    return bound(f'{text}, weights="none", image_size=64)').embed(PHOTOS)


def reference(name: str, size: int, resize: int) -> tuple[nn.Module, torch.Tensor]:
    """An untrained network of torchvision and its input."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = torchvision.models.get_model(name, weights=None).eval()
    preset = torchvision.transforms._presets.ImageClassification(crop_size=size, resize_size=resize)
    return module, torch.stack([of_preset(preset)(photo) for photo in PHOTOS])


def test_a_layer_is_averaged_over_positions() -> None:
    module, inputs = reference("resnet18", 64, 73)
    layers = nn.Sequential(*list(module.children())[:7])  # up to layer3
    with torch.inference_mode():
        expected = layers(inputs).mean((2, 3))
    np.testing.assert_allclose(small('resnet18(layer="layer3"'), expected, rtol=1e-4, atol=1e-6)


def test_layers_and_pools_together_are_all_of_unit_length() -> None:
    both = small('resnet18(layer=["layer3", "layer4"], pool="avg+max"')
    alone = [
        small(f'resnet18(layer="{layer}", pool="{pool}"') for layer in ("layer3", "layer4") for pool in ("avg", "max")
    ]
    expected = np.hstack([rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in alone])
    np.testing.assert_allclose(both, expected, rtol=1e-4, atol=1e-6)


def test_a_pool_without_a_layer_pools_what_the_classifier_gets() -> None:
    average, maximum = small("squeezenet1_1(pool='avg'"), small("squeezenet1_1(pool='max'")
    assert average.shape == maximum.shape == (2, 512)
    assert (maximum >= average).all()
    np.testing.assert_array_equal(average, small("squeezenet1_1(layer='features', pool='avg'"))


def test_tokens_of_a_transformer_are_pooled_over_patches() -> None:
    spec = 'vit_b_32(layer="encoder", pool="{}", weights="none")'
    flat, average = (bound(spec.format(pool)).embed(PHOTOS[:1]) for pool in ("flatten", "avg"))
    assert flat.shape == (1, 49 * 768)  # 7 x 7 patches, without the class token
    np.testing.assert_allclose(average, flat.reshape(1, 768, 49).mean(2), rtol=1e-4, atol=1e-5)


def test_without_a_layer_a_transformer_gives_its_class_token() -> None:
    whole = bound('vit_b_32(weights="none")').embed(PHOTOS[:1])
    assert whole.shape == (1, 768)
    assert not np.allclose(whole, bound('vit_b_32(layer="encoder", weights="none")').embed(PHOTOS[:1]), atol=1e-2)


def test_maps_with_channels_last_are_pooled_over_positions() -> None:
    assert small('swin_t(layer="features.5"').shape == (2, 384)
    assert small('swin_t(layer="features.5", pool="flatten"').shape == (2, 384 * 4 * 4)


def test_layers_behind_are_taken_out() -> None:
    network = bound('resnet18(layer="layer2", weights="none")').network("cpu", lambda share, doing: None).module
    kept = [name for name, part in network.module.named_children() if list(part.parameters())]  # type: ignore[union-attr, operator]
    assert kept == ["conv1", "bn1", "layer1", "layer2"]


def test_parts_of_a_block_behind_the_layer_are_taken_out_too() -> None:
    kept = kept_by(bound('resnet18(layer="layer2.0.bn1", weights="none")'))
    assert {name for name in kept if name.startswith("layer2")} == {"layer2.0.conv1", "layer2.0.bn1"}


class Block(nn.Module):
    """Looks at a layer that it has not come to, and holds others in a list."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm, self.rest = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3), nn.ModuleList([nn.Conv2d(3, 3, 1)])

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        return self.rest[0](self.norm(self.first(batch))) if self.norm.eps > 0 else batch


def of_blocks(layer: str) -> Backbone:
    def build() -> nn.Module:
        return nn.Sequential(Block(), Block())

    stated = Preprocessing(16, 16, "bilinear", (0.5,) * 3, (0.5,) * 3)
    return bind_network("own", {}, build().eval(), build, stated, layer=layer, pool="max", image_size=None)


def kept_by(backbone: Backbone) -> set[str]:
    network = backbone.network("cpu", lambda share, doing: None).module
    return {name.removeprefix("module.").rpartition(".")[0] for name, _ in network.named_parameters()}


def test_lists_of_layers_behind_are_taken_out_with_what_holds_them() -> None:
    assert kept_by(of_blocks("0")) == {"0.first", "0.norm", "0.rest.0"}


def test_where_a_network_looks_at_layers_ahead_all_are_kept() -> None:
    backbone = of_blocks("0.first")
    assert backbone.embed(PHOTOS).shape == (2, 3)
    assert len(kept_by(backbone)) == 6


def test_a_file_without_a_fitting_classifier_does_for_layers_before_it(tmp_path: Path) -> None:
    state = torchvision.models.resnet18().state_dict()
    state["fc.weight"], state["fc.bias"] = torch.zeros(3, 512), torch.zeros(3)
    torch.save(state, tmp_path / "w.pth")
    assert bound(f'resnet18(weights="{tmp_path}/w.pth")').embed(PHOTOS).shape == (2, 512)
    with pytest.raises(EmbedkitError, match=r"2 keys have another shape \(first: 'fc.weight' is \(3, 512\)"):
        bound(f'resnet18(layer="fc", weights="{tmp_path}/w.pth")')


@pytest.mark.parametrize(
    "change",
    [{"layer": '"layer3"'}, {"layer": '["layer3", "layer4"]'}, {"pool": '"max"'}, {"image_size": 96}, {"seed": 1}],
    ids=str,
)
def test_every_parameter_is_in_the_recipe(change: dict[str, Any]) -> None:
    def recipe(**params: Any) -> str:
        written = ", ".join(f"{key}={value}" for key, value in params.items())
        return json.dumps(bound(f"resnet18({written})").recipe)

    before = {"layer": '"layer4"', "pool": '"avg"', "image_size": 64, "seed": 0, "weights": '"none"'}
    assert recipe(**before) != recipe(**before | change)


def test_one_layer_in_a_list_is_that_layer() -> None:
    assert bound('resnet18(layer=["layer3"])').recipe == bound('resnet18(layer="layer3")').recipe


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        ('resnet18(layer="layer5")', "resnet18: there is no layer 'layer5'; like it: layer4, "),
        ('resnet18(layer=["layer3", "layer3"])', "resnet18: the layer 'layer3' is written twice"),
        ('resnet18(pool="gem")', "resnet18: pool='gem' has nothing to pool: at 'fc' an image is one vector of 512 num"),
        (
            'vit_b_32(layer="encoder.layers.encoder_layer_0.self_attention.out_proj")',
            "vit_b_32: an image does not pass through the layer 'encoder.layers.encoder_layer_0.self",
        ),
        ('vit_b_32(layer="encoder.layers.encoder_layer_0.self_attention")', "self_attention' gives a tuple; an embedd"),
        ("vit_b_32(image_size=192)", "vit_b_32 does not take images of 192x192 pixels (Wrong image height! Expected"),
        ("vit_b_32(image_size=192)", "; its own size is 224"),
        ("alexnet(image_size=16)", "alexnet does not take images of 16x16 pixels ("),
        ("maxvit_t(image_size=100)", "maxvit_t does not take images of 100x100 pixels ("),
    ],
)
def test_what_a_network_does_not_take_is_told_before_anything_runs(spec: str, problem: str) -> None:
    with pytest.raises(EmbedkitError, match=re.escape(problem)):
        bound(spec)


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        ('resnet18(pool="mean")', "pool=\"mean\": input should be 'avg', 'max', 'gem', 'flatten' or 'avg+max'"),
        ("resnet18(image_size=0)", "image_size=0: input should be greater than or equal to 1"),
        ("resnet18(image_size=9999)", "image_size=9999: input should be less than or equal to 4096"),
        ("resnet18(layer=[])", "layer=[]: "),
        ('resnet18(layer="")', 'layer="": string should have at least 1 character'),
        ("resnet18(layer=3)", "layer=3: input should be a valid string"),
    ],
)
def test_parameters_of_another_kind_are_told(spec: str, problem: str) -> None:
    with pytest.raises(EmbedkitError, match=re.escape(problem)):
        bound(spec)


def own(transform: Any, image_size: int | None = None) -> Backbone:
    def build() -> nn.Module:
        return nn.Conv2d(3, 5, 3)

    recipe = {"name": "own"}
    return bind_network("own", recipe, build(), build, transform, layer=None, pool="max", image_size=image_size)


def test_without_a_classifier_the_output_of_the_whole_network_is_pooled() -> None:
    backbone = own(lambda image: torch.tensor(image).permute(2, 0, 1) / 255)
    assert backbone.embed(PHOTOS).shape == (2, 5)
    assert (backbone.recipe["layer"], backbone.recipe["transform"]) == ([WHOLE], "own")


def test_the_size_of_a_transform_that_is_code_is_its_own_affair() -> None:
    with pytest.raises(EmbedkitError, match="own: image_size=8: its own transform decides the size; leave image_size"):
        own(lambda image: torch.tensor(image).permute(2, 0, 1) / 255, image_size=8)


def test_a_stated_transform_takes_another_size() -> None:
    stated = Preprocessing(32, 28, "bilinear", (0.5,) * 3, (0.5,) * 3)
    assert own(stated, 14).network("cpu", lambda share, doing: None).transform == stated.at(14)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "alexnet", "convnext_tiny", "densenet121", "efficientnet_b0", "efficientnet_v2_s", "googlenet", "inception_v3",
        "maxvit_t", "mnasnet0_5", "mobilenet_v2", "mobilenet_v3_small", "regnet_x_400mf", "resnet18", "swin_t",
        "shufflenet_v2_x0_5", "squeezenet1_0", "swin_v2_t", "vgg11_bn", "vit_b_16", "vit_h_14", "wide_resnet50_2",
    ],
)  # fmt: skip
def test_every_kind_of_network_of_torchvision_can_be_tried_out(name: str) -> None:
    backbone = pretrained(name, None)  # type: ignore[arg-type]
    assert backbone.layers is not None
    assert len(backbone.layers()) > 10
