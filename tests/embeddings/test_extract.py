from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from embedkit.backbones import Backbone, Images, Network, make_backbone
from embedkit.datasets import dataset_spec, open_dataset
from embedkit.datasets.dataset import Dataset, subset
from embedkit.datasets.vectors import from_arrays
from embedkit.embeddings import store
from embedkit.embeddings.extract import TRAINING_COST, embedding_key, extract, forward_passes
from embedkit.embeddings.precision import effective_precision
from embedkit.errors import EmbedkitError
from embedkit.spec import parse

every_network = pytest.mark.parametrize(
    "spec",
    [
        "pixels",
        'squeezenet1_1(weights="none")',
        'mobilenet_v3_small(weights="none")',
        'shufflenet_v2_x0_5(weights="none")',
    ],
)


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return subset(open_dataset(parse("digits")), np.arange(50))


@pytest.fixture
def shards_of_eight(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "SHARD_ROWS", 8)


def bound(spec: str, dataset: Dataset) -> Backbone:
    return make_backbone(parse(spec), Images(dataset, np.arange(len(dataset))))


def custom(*layers: nn.Module) -> Backbone:
    """A backbone of these layers, which see pixels in [0, 1]."""
    transform = lambda image: torch.tensor(image).permute(2, 0, 1) / 255  # noqa: E731
    return Backbone({"name": "custom"}, lambda device, progress: Network(nn.Sequential(*layers).eval(), transform))


def extracted(
    dataset: Dataset, backbone: Backbone, progress: Callable[..., None] = lambda done, doing: None
) -> np.ndarray:
    embeddings = store.read(extract(dataset, backbone, "cpu", progress))
    return embeddings[np.arange(len(embeddings))]


def reading(dataset: Dataset, log: list[int], fails_at: int | None = None) -> Dataset:
    """The data set, with a log of the images that were read, and maybe one that cannot be."""

    def image(i: int) -> np.ndarray:
        if i == fails_at:
            raise OSError("the disk is gone")
        log.append(i)
        return dataset.image(i)

    return replace(dataset, image=image)


def test_rows_are_in_the_order_of_the_images(digits: Dataset) -> None:
    expected = np.stack([digits.image(i).ravel() for i in range(50)]) / np.float32(255)
    np.testing.assert_array_equal(extracted(digits, bound("pixels", digits)), expected)


def test_the_ids_of_the_images_are_kept(digits: Dataset) -> None:
    key = extract(digits, bound("pixels", digits), "cpu", lambda done, doing: None)
    assert store.read_ids(key) == list(digits.ids)


@pytest.mark.usefixtures("shards_of_eight")
def test_shards_hold_the_rows_in_order_too(digits: Dataset) -> None:
    expected = np.stack([digits.image(i).ravel() for i in range(50)]) / np.float32(255)
    np.testing.assert_array_equal(extracted(digits, bound("pixels", digits)), expected)


@every_network
def test_an_image_alone_is_embedded_as_in_a_batch(spec: str, digits: Dataset) -> None:
    some = subset(digits, np.arange(11))
    together = extracted(some, bound(spec, some))
    for i in (0, 10):
        alone = subset(digits, np.array([i]))
        np.testing.assert_allclose(extracted(alone, bound(spec, alone))[0], together[i], rtol=1e-4, atol=1e-5)


@every_network
def test_the_store_holds_what_the_backbone_embeds(spec: str, digits: Dataset) -> None:
    some = subset(digits, np.arange(5))
    backbone = bound(spec, some)
    embedded = backbone.embed(some.image(i) for i in range(5))
    stored = extracted(some, backbone)
    cosines = np.sum(stored * embedded, axis=1) / np.linalg.norm(stored, axis=1) / np.linalg.norm(embedded, axis=1)
    assert cosines.min() > (0.999 if effective_precision(digits.content, backbone, "cpu") != "float32" else 1 - 1e-6)


def test_vectors_are_stored_as_they_are() -> None:
    X = np.random.default_rng(0).normal(size=(30, 4)).astype(np.float32)
    points = from_arrays(X, ["a", "b"] * 15, None, None, "points")
    np.testing.assert_array_equal(extracted(points, bound("vectors", points)), X)


def test_what_is_stored_is_not_made_again(digits: Dataset) -> None:
    log: list[int] = []
    first, again = (extract(reading(digits, log), bound("pixels", digits), "cpu", lambda *news: None) for _ in range(2))
    assert first == again
    assert sorted(log) == [0, *range(50)]  # the first image once more, to measure what an image costs


@pytest.mark.usefixtures("shards_of_eight")
def test_an_interrupted_run_goes_on_with_the_missing_shards(digits: Dataset) -> None:
    backbone = bound("pixels", digits)
    key = embedding_key(digits, backbone)
    with pytest.raises(OSError, match="the disk is gone"):
        extract(reading(digits, [], fails_at=20), backbone, "cpu", lambda *news: None)
    assert not store.is_complete(key)
    assert store.missing_shards(key, 50)[0] == (16, 24)

    log: list[int] = []
    embedded = extracted(reading(digits, log), backbone)
    assert sorted(log) == [0, *range(16, 50)]
    np.testing.assert_array_equal(embedded, backbone.embed(digits.image(i) for i in range(50)))


@pytest.mark.usefixtures("shards_of_eight")
def test_shards_that_were_deleted_are_made_again(digits: Dataset) -> None:
    backbone = bound("pixels", digits)
    before = extracted(digits, backbone)
    folder = store.location(embedding_key(digits, backbone))
    for name in ("000000008.safetensors", "000000040.safetensors", "manifest.json"):
        (folder / name).unlink()
    log: list[int] = []
    np.testing.assert_array_equal(extracted(reading(digits, log), backbone), before)
    assert sorted(log) == [0, *range(8, 16), *range(40, 48)]


class Reciprocal(nn.Module):
    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        return 1 / batch


@pytest.mark.usefixtures("shards_of_eight")
def test_embeddings_that_are_not_finite_name_the_image(digits: Dataset) -> None:
    black = {11: 0, 13: 0}
    dataset = replace(digits, image=lambda i: np.full((1, 1, 1), black.get(i, 255), dtype=np.uint8))
    problem = r"2 embeddings hold NaN or infinity \(first: '0011'\); look at the backbone's weights and at that image"
    with pytest.raises(EmbedkitError, match=problem):
        extract(dataset, custom(Reciprocal(), nn.Flatten()), "cpu", lambda *news: None)


@pytest.mark.usefixtures("shards_of_eight")
def test_embeddings_that_are_not_finite_are_not_stored(digits: Dataset) -> None:
    backbone = custom(Reciprocal(), nn.Flatten())
    dataset = replace(digits, image=lambda i: np.full((1, 1, 1), 0 if i == 11 else 255, dtype=np.uint8))
    with pytest.raises(EmbedkitError):
        extract(dataset, backbone, "cpu", lambda *news: None)
    assert store.missing_shards(embedding_key(dataset, backbone), 50)[0] == (8, 16)


def test_embeddings_that_are_all_the_same_are_not_stored(digits: Dataset) -> None:
    backbone = custom(nn.Flatten(), nn.Linear(64, 3), nn.Threshold(1e9, 0.5))
    with pytest.raises(EmbedkitError, match="the embeddings of 50 different images are all the same; look at"):
        extract(digits, backbone, "cpu", lambda *news: None)
    assert store.missing_shards(embedding_key(digits, backbone), 50) == [(0, 50)]


def test_vectors_may_be_all_the_same() -> None:
    points = from_arrays(np.ones((30, 4), np.float32), ["a", "b"] * 15, None, None, "points")
    assert extracted(points, bound("vectors", points)).shape == (30, 4)


def test_the_key_does_not_know_where_the_images_are(photos: Path, tmp_path: Path) -> None:
    moved = Path(shutil.copytree(photos, tmp_path / "elsewhere" / "pictures"))
    here, there = (open_dataset(dataset_spec(str(path))) for path in (photos, moved))
    assert embedding_key(here, bound("pixels", here)) == embedding_key(there, bound("pixels", there))


def test_the_key_knows_what_the_images_show(photos: Path, write_photo: Callable[..., Path]) -> None:
    before = open_dataset(dataset_spec(str(photos)))
    write_photo(photos / "cat" / "0.png", seed=99)
    after = open_dataset(dataset_spec(str(photos)))
    assert embedding_key(before, bound("pixels", before)) != embedding_key(after, bound("pixels", after))


RESNET = 'resnet18(weights="none")'
every_ingredient = pytest.mark.parametrize(
    ("spec", "other"),
    [
        ("pixels", "pixels(size=4)"),
        ("pixels", RESNET),
        (RESNET, 'resnet34(weights="none")'),
        (RESNET, 'resnet18(seed=1, weights="none")'),
        ("autoencoder", "autoencoder(epochs=2)"),
        ("autoencoder", "autoencoder(dim=8)"),
        ("autoencoder", "autoencoder(width=8)"),
        ("autoencoder", "autoencoder(noise=0.5)"),
        ("autoencoder", 'autoencoder(weights="none")'),
        ('autoencoder(weights="none")', 'autoencoder(seed=1, weights="none")'),
    ],
)


@every_ingredient
def test_the_key_knows_what_the_spec_of_a_backbone_says(spec: str, other: str) -> None:
    some = subset(open_dataset(parse("digits")), np.arange(300))
    assert embedding_key(some, bound(spec, some)) != embedding_key(some, bound(other, some))


def test_the_key_knows_every_field_of_the_recipe(digits: Dataset) -> None:
    backbone = bound(RESNET, digits)
    key = embedding_key(digits, backbone)
    assert set(backbone.recipe) >= {"name", "version", "transform", "weights", "seed"}
    for field, value in backbone.recipe.items():
        other = replace(backbone, recipe={**backbone.recipe, field: f"not {value}"})
        assert embedding_key(digits, other) != key


def test_the_key_knows_the_order_and_the_names_of_the_images(digits: Dataset) -> None:
    turned = subset(digits, np.arange(50)[::-1][:-1])
    straight = subset(digits, np.arange(50)[1:])
    assert embedding_key(turned, bound("pixels", turned)) != embedding_key(straight, bound("pixels", straight))


def test_the_key_knows_the_precision(digits: Dataset) -> None:
    backbone = bound("pixels", digits)
    assert embedding_key(digits, backbone, "bfloat16") != embedding_key(digits, backbone)


def test_the_key_knows_the_format_of_the_store(digits: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    before = embedding_key(digits, bound("pixels", digits))
    monkeypatch.setattr(store, "FORMAT", store.FORMAT + 1)
    assert embedding_key(digits, bound("pixels", digits)) != before


def test_the_key_knows_the_weights_that_a_file_holds(digits: Dataset, tmp_path: Path) -> None:
    from torchvision.models import squeezenet1_1

    keys = set()
    for seed in (0, 1):
        torch.manual_seed(seed)
        file = tmp_path / "weights.pth"
        torch.save(squeezenet1_1().state_dict(), file)
        moved = Path(shutil.copy(file, tmp_path / f"moved{seed}.pth"))
        specs = [f'squeezenet1_1(weights="{path}")' for path in (file, moved)]
        here, there = (embedding_key(digits, bound(spec, digits)) for spec in specs)
        assert here == there
        keys.add(here)
    assert len(keys) == 2


def test_the_key_does_not_know_the_labels(digits: Dataset) -> None:
    other = replace(digits, labels=digits.labels[::-1].copy(), name="renamed")
    assert embedding_key(other, bound("pixels", other)) == embedding_key(digits, bound("pixels", digits))


def facts(dataset: Dataset, backbone: Backbone) -> dict[str, Any]:
    return store.manifest(extract(dataset, backbone, "cpu", lambda *news: None))


def test_multiplications_of_a_network_by_hand(digits: Dataset) -> None:
    backbone = custom(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(256, 10))
    assert facts(digits, backbone)["backbone_macs"] == 8 * 8 * 4 * 9 + 256 * 10


def test_bytes_of_a_network_by_hand(digits: Dataset) -> None:
    backbone = custom(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Flatten())
    assert facts(digits, backbone)["backbone_bytes"] == 4 * (4 * 9 + 4) + 4 * (4 * 4) + 8  # and a counter of int64


def test_the_final_classifier_costs_nothing(digits: Dataset) -> None:
    some = subset(digits, np.arange(1))
    found = facts(some, bound('resnet18(weights="none")', some))
    assert found["backbone_macs"] == 1_814_073_344 - 512 * 1000  # torchvision's count, and its last layer
    without_last = 11_689_512 - 513 * 1000
    assert found["backbone_bytes"] == 4 * (without_last + 2 * 4800) + 8 * 20  # means and variances; counters


def test_pixels_cost_nothing(digits: Dataset) -> None:
    found = facts(digits, bound("pixels", digits))
    assert (found["backbone_bytes"], found["backbone_macs"]) == (0, 0)


def test_the_manifest_holds_the_recipe_and_the_name_of_the_data(digits: Dataset) -> None:
    backbone = bound("pixels", digits)
    found = facts(digits, backbone)
    assert (found["recipe"], found["dataset"]) == (backbone.recipe, "digits")


def test_work_is_counted_in_images_through_the_network(digits: Dataset) -> None:
    assert forward_passes(digits, Backbone({}, lambda device, progress: None, training_passes=200)) == (  # type: ignore[arg-type,return-value]
        TRAINING_COST * 200 + 50
    )


@pytest.mark.parametrize("spec", ["pixels", "autoencoder(epochs=2, width=2)"])
@pytest.mark.usefixtures("shards_of_eight")
def test_progress_rises_to_all_the_work_there_is(spec: str) -> None:
    dataset = subset(open_dataset(parse("digits")), np.arange(110))
    told: list[tuple[float, str]] = []
    backbone = bound(spec, dataset)
    extract(dataset, backbone, "cpu", lambda *news: told.append(news))
    work = [done for done, _ in told]
    assert work == sorted(work)
    assert told[-1][0] == forward_passes(dataset, backbone)
    assert re.fullmatch(r"110 of 110 images, \d+ a second", told[-1][1])


@pytest.mark.gpu
@every_network
def test_on_a_gpu_embeddings_are_those_of_a_cpu(spec: str, digits: Dataset) -> None:
    some = subset(digits, np.arange(11))
    backbone = bound(spec, some)
    on_gpu = store.read(extract(some, backbone, "cuda", lambda *news: None))[np.arange(11)]
    on_cpu = backbone.embed(some.image(i) for i in range(11))
    np.testing.assert_allclose(on_gpu, on_cpu, rtol=1e-2, atol=1e-2 * np.abs(on_cpu).max())
