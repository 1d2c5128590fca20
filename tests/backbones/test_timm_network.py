from __future__ import annotations

import json
import logging
import re
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from embedkit.backbones import Backbone, Preprocessing
from embedkit.backbones.timm_network import timm_network
from embedkit.errors import EmbedkitError

timm = pytest.importorskip("timm", reason='needs timm: pip install "embedkit[timm]"')
PHOTOS = [np.random.default_rng(seed).integers(0, 256, (70, 90, 3), dtype=np.uint8) for seed in range(2)]
RESNET, VIT = "test_resnet.r160_in1k", "test_vit.r160_in1k"


def backbone(name: str, **params: Any) -> Backbone:
    return timm_network(None, name=name, **{"weights": "none"} | params)  # type: ignore[arg-type]


def reference(name: str, seed: int = 0) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return timm.create_model(name, num_classes=0).eval()


def transform(name: str, size: int | None = None) -> Any:
    data = timm.data.resolve_data_config(pretrained_cfg=timm.get_pretrained_cfg(name).to_dict())
    return timm.data.create_transform(**data | ({"input_size": (3, size, size)} if size else {}), is_training=False)


@pytest.mark.parametrize("name", [RESNET, VIT])
def test_the_embedding_is_timms_own_without_the_classifier(name: str) -> None:
    inputs = torch.stack([transform(name)(Image.fromarray(photo)) for photo in PHOTOS])
    with torch.inference_mode():
        expected = reference(name)(inputs)
    embedded = backbone(name).embed(PHOTOS)
    assert embedded.shape == expected.shape
    np.testing.assert_allclose(embedded, expected, atol=0.01 * expected.abs().max().item())


@pytest.mark.parametrize("name", [VIT, "resnet18.a1_in1k", "vit_base_patch16_siglip_224.webli", "repvgg_a0.rvgg_in1k"])
def test_the_transform_is_timms_own_with_pillow_to_one_grey_level(name: str) -> None:
    stated = backbone(name).network("cpu", lambda share, doing: None).transform
    assert isinstance(stated, Preprocessing)
    for photo in PHOTOS:
        apart = (stated(photo) - transform(name)(Image.fromarray(photo))).abs() * 255 * min(stated.std)
        assert apart.quantile(0.99) < 1.01
        assert apart.mean() < 0.05


def test_images_that_are_framed_are_left_to_timm() -> None:
    framed = next(
        name
        for name in timm.list_models(pretrained=True)
        if timm.get_pretrained_cfg(name).crop_mode == "border" and "naflex" not in name
    )
    from embedkit.backbones.timm_network import _config, _transform

    made = _transform(_config(framed))
    torch.testing.assert_close(made(PHOTOS[0]), transform(framed)(Image.fromarray(PHOTOS[0])))


def test_layers_by_module_and_by_node() -> None:
    module, node = (backbone(RESNET, layer=layer).embed(PHOTOS) for layer in ("layer2", "layer2.0.act2"))
    np.testing.assert_allclose(module, node, rtol=1e-5, atol=1e-6)
    assert not np.allclose(backbone(RESNET, layer="layer2.0.add").embed(PHOTOS), module)


def test_tokens_are_pooled_over_patches() -> None:
    flat, average = (backbone(VIT, layer="blocks.1", pool=pool).embed(PHOTOS[:1]) for pool in ("flatten", "avg"))
    assert flat.shape == (1, 64 * 100)  # 10 x 10 patches of 16 x 16, without the class token
    np.testing.assert_allclose(average, flat.reshape(1, 64, 100).mean(2), rtol=1e-4, atol=1e-5)


def test_weights_come_from_a_file_with_its_classifier_passed_over(tmp_path: Path) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(4)
        torch.save(timm.create_model(RESNET, num_classes=7).state_dict(), tmp_path / "w.pth")
        torch.manual_seed(4)
        expected = timm.create_model(RESNET, num_classes=7).eval()
    embedded = backbone(RESNET, weights=str(tmp_path / "w.pth"))
    stated = embedded.network("cpu", lambda share, doing: None).transform
    with torch.inference_mode():
        whole = expected.forward_head(
            expected.forward_features(torch.stack([stated(photo) for photo in PHOTOS])), pre_logits=True
        )
    np.testing.assert_allclose(embedded.embed(PHOTOS), whole, rtol=1e-4, atol=1e-5)


def test_untrained_weights_depend_on_the_seed_only() -> None:
    first, again, other = (backbone(RESNET, seed=seed).embed(PHOTOS) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other, rtol=0.1)


def test_the_recipe_is_plain_and_knows_the_tag_that_a_name_without_one_has() -> None:
    recipe = backbone("resnet18", weights="default").recipe
    assert json.loads(json.dumps(recipe)) == recipe
    assert recipe["weights"] == "resnet18.a1_in1k"
    assert recipe == backbone("resnet18.a1_in1k", weights="default").recipe
    assert recipe != backbone("resnet18.a2_in1k", weights="default").recipe


@pytest.fixture
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    create = timm.create_model

    def refuse(name: str, pretrained: bool = False, **options: Any) -> nn.Module:
        if pretrained:
            logging.getLogger("huggingface_hub.utils._http").warning("Retrying in 1s")
            warnings.warn("unauthenticated requests", stacklevel=1)
            raise OSError("no route to host")
        return create(name, pretrained=False, **options)

    monkeypatch.setattr(timm, "create_model", refuse)
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *where: None)


@pytest.mark.usefixtures("offline")
def test_a_download_is_known_before_it_starts() -> None:
    assert backbone("resnet18.a1_in1k", weights="default").download == (
        "resnet18.a1_in1k, about 45 MB, from https://huggingface.co/timm/resnet18.a1_in1k to the Hugging Face cache"
    )
    assert backbone("resnet18.a1_in1k").download == ""


@pytest.mark.usefixtures("offline")
def test_without_a_network_the_remedy_is_told_in_one_line(caplog: pytest.LogCaptureFixture) -> None:
    problem = (
        "the weights of resnet18.a1_in1k could not be downloaded (no route to host); "
        "fetch https://huggingface.co/timm/resnet18.a1_in1k where there is a network "
        'and give the file: timm(name="resnet18.a1_in1k", weights="FILE")'
    )
    hub = logging.getLogger("huggingface_hub")
    level = hub.level
    hub.addHandler(caplog.handler)
    with pytest.raises(EmbedkitError, match=f"^{re.escape(problem)}$"):
        backbone("resnet18.a1_in1k", weights="default").embed(PHOTOS)
    hub.removeHandler(caplog.handler)
    assert (caplog.messages, hub.level) == ([], level)


@pytest.mark.parametrize(
    ("params", "problem"),
    [
        ({"name": "resnat18"}, "timm has no network 'resnat18'; did you mean 'resnet18'? all: python -c"),
        ({"name": "resnet18.a1_in2k"}, "timm has no weights 'a1_in2k' for resnet18; did you mean 'a1_in1k'? there are"),
        ({"name": "resnet18."}, "timm has no weights '' for resnet18; there are: a1_in1k, a2_in1k"),
        ({"name": "hf-hub:someone/net"}, "timm has no network 'hf-hub:someone/net'"),
        ({"name": "mixer_s16_224", "weights": "default"}, 'timm(name="mixer_s16_224"): timm has no weights for it'),
        ({"name": RESNET, "layer": "layer7"}, "layer2, layer1, layer4.0; all: embedkit list layers 'timm(name="),
        ({"name": "vit_tiny_patch16_224", "image_size": 160}, '224") does not take images of 160x160 pixels (Input he'),
        ({"name": "vit_tiny_patch16_224", "image_size": 160}, "; its own size is 224"),
    ],
)
def test_mistakes_are_told(params: dict[str, Any], problem: str) -> None:
    with pytest.raises(EmbedkitError, match=re.escape(problem)):
        backbone(**params)


def test_where_timm_is_not_installed_the_extra_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(
        EmbedkitError, match=re.escape('timm(name="resnet18") needs timm: pip install "embedkit[timm]"')
    ):
        backbone("resnet18")
