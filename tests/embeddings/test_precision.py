from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from embedkit.backbones import Backbone, Network
from embedkit.datasets import open_dataset
from embedkit.embeddings import store
from embedkit.embeddings.extract import effective_key, extract
from embedkit.embeddings.precision import effective_precision, least_cosine, native_precision, refuse
from embedkit.errors import EmbedkitError
from embedkit.spec import parse


class Cancelling(nn.Module):
    """A small difference of large numbers, which 16 bits cannot hold."""

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        rows = batch.flatten(1)
        return (rows + 1000) - 1000


def a_backbone(module: nn.Module, half_precision: bool = True) -> Backbone:
    def network(device: str, progress: object) -> Network:
        return Network(module, lambda image: torch.from_numpy(image).permute(2, 0, 1).float() / 255)

    return Backbone({"name": type(module).__name__}, network, half_precision=half_precision)


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
    assert native_precision(a_backbone(nn.Flatten()), "cpu") == "float32"


@pytest.mark.usefixtures("bfloat16")
def test_pixels_and_small_networks_stay_as_they_are() -> None:
    assert native_precision(a_backbone(nn.Flatten(), half_precision=False), "cpu") == "float32"


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
