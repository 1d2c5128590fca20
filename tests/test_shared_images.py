from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from embedkit import shared_images
from embedkit.backbones import Backbone, Images, Network, Preprocessing, make_backbone
from embedkit.datasets import open_dataset
from embedkit.datasets.dataset import Dataset
from embedkit.measure import evaluate
from embedkit.shared_images import LoadedImages
from embedkit.spec import parse
from embedkit.trials import Task, Trial


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


@pytest.mark.parametrize(("weights", "origin"), [("none", "none"), ("pool", "pool"), ("3f" * 32, "pretrained")])
def test_heads_are_told_where_weights_come_from(weights: str, origin: str) -> None:
    assert loaded(Counted(), weights=weights).settings["weights"] == origin


def test_photos_are_kept_in_uint8_at_the_size_of_the_network(photos: Any) -> None:
    dataset: Dataset = open_dataset(parse(f'folder(path="{photos}")'))
    backbone = make_backbone(parse('squeezenet1_1(weights="none", image_size=32)'), Images(dataset, np.arange(12)))
    images = LoadedImages(dataset, backbone, "cpu", 512).at(np.arange(2))
    assert (images.shape, images.dtype) == ((2, 3, 32, 32), np.uint8)


TRAIN, TEST, PROBE = np.arange(12), np.arange(12, 20), np.arange(20, 30)


def evaluated(pixels: np.ndarray, y: np.ndarray, timed: bool = False) -> tuple[dict[str, Any], Any]:
    """The outcome of a trial on images (30, 6, 6, 3) uint8."""
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 5))
    network = Network(module.eval(), Preprocessing(6, 6, "bilinear", (0.5,) * 3, (0.25,) * 3))
    backbone = Backbone({"weights": "none"}, lambda device, progress: network)
    dataset: Any = SimpleNamespace(image=lambda i: pixels[i])
    test = np.concatenate([TEST, PROBE])
    names = ("photos", "own", "float32", "finetune(epochs=1, steps=3)", "4", 0, None, "cv")
    task = Task(
        trial=Trial(*names, data_sha256="1" * 64, inputs_sha256="0" * 64),  # type: ignore[arg-type]
        embeddings="",
        train=TRAIN,
        y_train=y[TRAIN],
        train_groups=TRAIN,
        test=test,
        y_test=y[test],
        test_groups=test,
        task="classification",
        n_classes=3,
        head_seed=7,
        known={},
        images=LoadedImages(dataset, backbone, "cpu", 5),
    )
    (outcome,) = evaluate([task], timed)
    assert outcome[0]["status"] == "ok", outcome[0]["error"]
    return outcome


@pytest.fixture
def drawn() -> tuple[np.ndarray, np.ndarray]:
    return np.random.default_rng(0).integers(0, 256, (30, 6, 6, 3), dtype=np.uint8), np.arange(30) % 3


def test_test_images_and_test_labels_change_no_trained_network_by_a_bit(drawn: tuple[np.ndarray, np.ndarray]) -> None:
    pixels, y = drawn
    noise, other = pixels.copy(), y.copy()
    noise[TEST], other[TEST] = 255 - noise[TEST], (y[TEST] + 1) % 3
    clean, noisy = evaluated(pixels, y)[1], evaluated(noise, other)[1]
    np.testing.assert_array_equal(clean.true_probability[len(TEST) :], noisy.true_probability[len(TEST) :])
    changed = pixels.copy()
    changed[TRAIN] = 255 - changed[TRAIN]
    assert not np.array_equal(clean.confidence[len(TEST) :], evaluated(changed, y)[1].confidence[len(TEST) :])


def test_costs_are_those_of_the_whole_network(drawn: tuple[np.ndarray, np.ndarray]) -> None:
    timed, alone = evaluated(*drawn, timed=True), evaluated(*drawn)
    weights = (4 * 3 * 9 + 4) + (64 * 5 + 5) + (5 * 3 + 3) + 5  # of the convolution, two layers, and the mean
    assert timed[0]["head_bytes"] == 4 * weights
    assert min(timed[0]["fit_s"], timed[0]["predict_s"]) > 0
    assert "fit_s" not in alone[0]
    np.testing.assert_array_equal(timed[1].predicted, alone[1].predicted)
