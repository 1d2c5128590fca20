from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from embedkit import shared_images
from embedkit.backbones import Backbone, Images, Network, make_backbone
from embedkit.datasets import open_dataset
from embedkit.datasets.dataset import Dataset
from embedkit.shared_images import LoadedImages
from embedkit.spec import parse


class Counted:
    """Twenty grey images of 4x4, of one level each; notes which were read."""

    def __init__(self) -> None:
        self.read: list[int] = []

    def image(self, i: int) -> np.ndarray:
        self.read.append(i)
        return np.full((4, 4, 1), i, dtype=np.uint8)


def loaded(dataset: Any, **recipe: Any) -> LoadedImages:
    network = Network(nn.Flatten(), lambda image: torch.tensor(image).permute(2, 0, 1))
    return LoadedImages(dataset, Backbone({"name": "own"} | recipe, lambda device, progress: network), "cpu", 16)


def test_images_come_in_the_order_asked_for_and_are_loaded_once() -> None:
    dataset = Counted()
    images = loaded(dataset)
    assert images.at(np.array([3, 1]))[:, 0, 0, 0].tolist() == [3, 1]
    assert images.at(np.array([1, 5, 3]))[:, 0, 0, 0].tolist() == [1, 5, 3]
    assert sorted(dataset.read) == [1, 3, 5]


def test_no_more_are_kept_than_the_bound_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_images, "KEPT_BYTES", 2 * 16)
    dataset = Counted()
    images = loaded(dataset)
    for _ in range(2):
        assert images.at(np.arange(4)).shape == (4, 1, 4, 4)
    assert sorted(dataset.read) == [0, 1, 2, 2, 3, 3]


def test_chunks_are_bounded_and_hold_every_image(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_images, "CHUNK_BYTES", 3 * 16)
    chunks = list(loaded(Counted()).chunks(np.arange(7, 0, -1)))
    assert [len(chunk) for chunk in chunks] == [3, 3, 1]
    assert np.concatenate(chunks)[:, 0, 0, 0].tolist() == [7, 6, 5, 4, 3, 2, 1]


@pytest.mark.parametrize(("weights", "pretrained"), [("none", False), ("pool", False), ("3f" * 32, True)])
def test_heads_are_told_whether_weights_come_from_other_images(weights: str, pretrained: bool) -> None:
    assert loaded(Counted(), weights=weights).settings["pretrained"] is pretrained


def test_photos_are_kept_in_uint8_at_the_size_of_the_network(photos: Any) -> None:
    dataset: Dataset = open_dataset(parse(f'folder(path="{photos}")'))
    backbone = make_backbone(parse('squeezenet1_1(weights="none", image_size=32)'), Images(dataset, np.arange(12)))
    images = LoadedImages(dataset, backbone, "cpu", 512).at(np.arange(2))
    assert (images.shape, images.dtype) == ((2, 3, 32, 32), np.uint8)
