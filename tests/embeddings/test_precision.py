from __future__ import annotations

import re
from importlib.util import find_spec

import numpy as np
import pytest
import torch
from torch import nn

from embedkit.backbones import Backbone, Images, Network, make_backbone
from embedkit.backbones import network as backbones_network
from embedkit.backbones.backbone import Wanted
from embedkit.datasets import open_dataset
from embedkit.datasets.dataset import subset
from embedkit.embeddings import store
from embedkit.embeddings.extract import effective_key, extract
from embedkit.embeddings.precision import effective_precision, least_cosine, native_precision, refuse
from embedkit.embeddings.runtime import in_int8
from embedkit.errors import EmbedkitError
from embedkit.spec import parse


class Cancelling(nn.Module):
    """A small difference of large numbers, which 16 bits cannot hold."""

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        rows = batch.flatten(1)
        return (rows + 1000) - 1000


def a_backbone(module: nn.Module, precision: Wanted = "auto") -> Backbone:
    def network(device: str, progress: object) -> Network:
        return Network(module, lambda image: torch.from_numpy(image).permute(2, 0, 1).float() / 255)

    return Backbone({"name": type(module).__name__}, network, precision=precision)


@pytest.fixture
def bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    """A processor made for it."""
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True)


@pytest.mark.usefixtures("bfloat16")
def test_a_network_that_agrees_computes_in_16_bits() -> None:
    digits, said = open_dataset(parse("digits")), []
    backbone = a_backbone(nn.Flatten())
    key = extract(digits, backbone, "cpu", lambda *news: None, said.append)
    assert store.manifest(key)["precision"] == "bfloat16"
    assert key == effective_key(digits, backbone, "cpu")
    assert said == []


@pytest.mark.usefixtures("bfloat16")
def test_one_that_does_not_computes_in_32_and_says_so_once() -> None:
    digits, said = open_dataset(parse("digits")), []
    backbone = a_backbone(Cancelling())
    first_guess = effective_key(digits, backbone, "cpu")
    key = extract(digits, backbone, "cpu", lambda *news: None, said.append)
    assert store.manifest(key)["precision"] == "float32"
    assert len(said) == 1
    assert said[0].startswith("  bfloat16 is too coarse for this network (least cosine to float32 0.")
    assert first_guess != key == effective_key(digits, backbone, "cpu")
    assert extract(digits, backbone, "cpu", lambda *news: None, said.append) == key
    assert len(said) == 1


def test_where_the_processor_is_not_made_for_it_it_computes_in_32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    assert native_precision("cpu") == "float32"


@pytest.mark.usefixtures("bfloat16")
def test_what_is_wanted_is_taken() -> None:
    assert effective_precision("these", a_backbone(nn.Flatten(), "float32"), "cpu") == "float32"


@pytest.mark.usefixtures("bfloat16")
def test_what_is_refused_is_remembered_for_these_images_only() -> None:
    backbone = a_backbone(nn.Flatten())
    refuse("these", backbone, "bfloat16", 0.9)
    assert effective_precision("these", backbone, "cpu") == "float32"
    assert effective_precision("others", backbone, "cpu") == "bfloat16"


def test_the_least_cosine_is_that_of_the_worst_row() -> None:
    exact = torch.tensor([[1.0, 0.0], [3.0, 4.0], [0.0, 0.0]])
    assert least_cosine(exact, exact) == 1
    assert least_cosine(torch.tensor([[1.0, 1.0], [3.0, 4.0], [0.0, 0.0]]), exact) == pytest.approx(np.sqrt(0.5))
    assert least_cosine(torch.tensor([[1.0, 0.0], [3.0, 4.0], [0.0, 1.0]]), exact) == 0
    assert least_cosine(torch.tensor([[1.0, 0.0], [np.nan, 4.0], [0.0, 0.0]]), exact) == 0


class Beside(nn.Module):
    """Says of an image how it differs from those beside it."""

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        rows = batch.flatten(1)
        return rows - rows.mean(dim=0)


def test_a_network_that_mixes_the_images_of_a_batch_is_refused() -> None:
    digits = open_dataset(parse("digits"))
    with pytest.raises(EmbedkitError, match="depends on the images beside it in a batch"):
        extract(digits, a_backbone(Beside()), "cpu", lambda *news: None)


class Dead(nn.Module):
    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        return batch.flatten(1) / 0 * 0


@pytest.mark.usefixtures("bfloat16")
def test_of_a_network_without_numbers_only_that_is_said() -> None:
    digits, said = open_dataset(parse("digits")), []
    with pytest.raises(EmbedkitError, match="hold NaN or infinity"):
        extract(digits, a_backbone(Dead()), "cpu", lambda *news: None, said.append)
    assert said == []
    assert effective_precision(digits.content, a_backbone(Dead()), "cpu") == "bfloat16"


needs_int8 = pytest.mark.skipif(
    any(find_spec(name) is None for name in ("openvino", "nncf")), reason="needs openvino and nncf"
)


def small_resnet(precision: Wanted) -> Backbone:
    digits = open_dataset(parse("digits"))
    spec = parse(f'resnet18(weights="none", image_size=32, layer="layer1", precision="{precision}")')
    return make_backbone(spec, Images(digits, np.arange(10)))


@needs_int8
def test_int8_is_computed_where_it_is_asked_for_and_says_how_far_off_it_is(
    capfd: pytest.CaptureFixture[str],
) -> None:
    digits, said = subset(open_dataset(parse("digits")), np.arange(60)), []
    key = extract(digits, small_resnet("int8"), "cpu", lambda *news: None, said.append)
    assert store.manifest(key)["precision"] == "int8"
    told = re.fullmatch(r"  int8: least cosine to float32 ([01]\.\d+) among the first 60 images", said[0])
    assert told
    assert float(told[1]) > 0.98
    exact = store.read(extract(digits, small_resnet("float32"), "cpu", lambda *news: None))[np.arange(60)]
    found = store.read(key)[np.arange(60)]
    cosines = least_cosine(torch.from_numpy(np.array(found)), torch.from_numpy(np.array(exact)))
    assert cosines == pytest.approx(float(told[1]), abs=1e-4)
    assert not np.array_equal(found, exact)
    assert capfd.readouterr() == ("", "")


@needs_int8
def test_int8_is_refused_on_a_gpu() -> None:
    network = small_resnet("int8").network("cpu", lambda *news: None)
    with pytest.raises(
        EmbedkitError, match='int8 is computed on the CPU; the study is on cuda: leave out precision="int8"'
    ):
        in_int8(network, "cuda", torch.zeros(1, 3, 32, 32, dtype=torch.uint8))


def test_int8_says_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backbones_network, "find_spec", lambda name: None)
    with pytest.raises(
        EmbedkitError, match=r'resnet18: precision="int8" needs openvino and nncf: pip install "embedkit\[int8\]"'
    ):
        small_resnet("int8")


def test_what_is_wanted_decides_the_key_only_where_something_is_written() -> None:
    keys = {precision: small_resnet(precision).recipe.get("precision") for precision in ("auto", "float32")}
    assert keys == {"auto": None, "float32": "float32"}
