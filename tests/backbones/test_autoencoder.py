from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from embedkit import catalogue
from embedkit.backbones import Backbone, Images, control_of, make_backbone
from embedkit.backbones.autoencoder import autoencoder
from embedkit.backbones.autoencoder_network import Autoencoder
from embedkit.backbones.encoder_files import encoder_file, recipe_of
from embedkit.backbones.weights import file_sha256
from embedkit.datasets import open_dataset
from embedkit.datasets.dataset import Dataset, subset
from embedkit.errors import EmbedkitError, NotApplicable
from embedkit.spec import Spec, parse

POOL = np.arange(120)


@pytest.fixture(scope="module")
def digits() -> Dataset:
    """150 digits; the last 30 are not in the pool."""
    return subset(open_dataset(parse("digits")), np.arange(150))


def with_images(dataset: Dataset, image: Callable[[int], np.ndarray], shape: tuple[int, int, int] | None) -> Dataset:
    return replace(dataset, image=image, shape=shape)


def small(images: Images, **params: Any) -> Backbone:
    return autoencoder(images, **{"dim": 8, "width": 4, "epochs": 2} | params)


def embedded(backbone: Backbone, dataset: Dataset, n: int = 20) -> np.ndarray:
    return backbone.embed(dataset.image(i) for i in range(n))


def encoders(cache: Path) -> list[Path]:
    return sorted((cache / "encoders").rglob("*.safetensors"))


def test_training_reconstructs_better_than_the_mean_image_does(digits: Dataset) -> None:
    told: list[tuple[float, str]] = []
    small(Images(digits, POOL), dim=16, width=8, epochs=200, noise=0.0).network("cpu", lambda *news: told.append(news))
    pool = np.stack([digits.image(i) for i in POOL]) / 255
    error_of_the_mean = np.mean((pool - pool.mean(axis=0)) ** 2)
    first, last = (float(told[at][1].rsplit(" ", 1)[1]) for at in (1, -1))
    assert first > error_of_the_mean > 2 * last


def test_progress_is_the_share_of_steps_done(digits: Dataset) -> None:
    told: list[tuple[float, str]] = []
    small(Images(digits, np.arange(150)), epochs=3).network("cpu", lambda *news: told.append(news))
    np.testing.assert_allclose([share for share, _ in told], [0, 1 / 3, 2 / 3, 1])
    assert told[0][1] == "reading 150 images"
    assert told[1][1].startswith("autoencoder: step 2 of 6, squared error 0.")


def test_a_trained_encoder_is_stored_and_found_again(digits: Dataset, cache: Path) -> None:
    first = embedded(small(Images(digits, POOL)), digits)
    stored = encoders(cache)
    told: list[str] = []
    small(Images(digits, POOL)).network("cpu", lambda share, doing: told.append(doing))
    assert told == []
    assert encoders(cache) == stored
    assert [file.name for file in stored] == ["encoder.safetensors", "training.safetensors"]
    np.testing.assert_array_equal(embedded(small(Images(digits, POOL)), digits), first)


def test_training_gives_other_embeddings_than_none(digits: Dataset) -> None:
    images = Images(digits, POOL)
    assert not np.allclose(embedded(small(images), digits), embedded(small(images, weights="none"), digits), atol=1e-2)


@pytest.mark.parametrize("weights", ["pool", "none"])
def test_the_seed_alone_decides(digits: Dataset, weights: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def made(seed: int, elsewhere: int) -> np.ndarray:
        monkeypatch.setenv("EMBEDKIT_CACHE", str(tmp_path / f"{seed}-{elsewhere}"))
        torch.manual_seed(elsewhere)
        return embedded(small(Images(digits, POOL), seed=seed, weights=weights), digits)

    np.testing.assert_array_equal(made(seed=0, elsewhere=1), made(seed=0, elsewhere=2))
    assert not np.allclose(made(seed=0, elsewhere=1), made(seed=1, elsewhere=1), atol=1e-2)


def test_the_global_random_state_is_left_alone(digits: Dataset) -> None:
    before = torch.get_rng_state()
    small(Images(digits, POOL)).network("cpu", lambda share, doing: None)
    assert torch.equal(torch.get_rng_state(), before)


def test_none_is_the_encoder_as_it_was_drawn(digits: Dataset, cache: Path) -> None:
    backbone = small(Images(digits, POOL), weights="none", seed=5)
    with torch.random.fork_rng(), torch.inference_mode():
        torch.manual_seed(5)
        encoder = Autoencoder(1, 8, 8, dim=8, width=4).encoder
        expected = encoder(torch.stack([torch.tensor(digits.image(i)).permute(2, 0, 1) / 255 for i in range(20)]))
    np.testing.assert_allclose(embedded(backbone, digits), expected, rtol=1e-4, atol=1e-6)
    assert backbone.training_passes == 0
    assert encoders(cache) == []


def test_fewer_than_100_images_are_too_few(digits: Dataset) -> None:
    with pytest.raises(NotApplicable, match=r"at least 100 images that are never tested on; digits has 99 \(cross-val"):
        autoencoder(Images(digits, np.arange(99)))


def test_100_images_are_enough(digits: Dataset) -> None:
    assert autoencoder(Images(digits, np.arange(100)), epochs=7).training_passes == 700


def test_none_needs_no_pool(digits: Dataset) -> None:
    assert small(Images(digits, POOL[:0]), weights="none").recipe == small(Images(digits, POOL), weights="none").recipe


def test_test_images_have_no_influence(digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (150, 8, 8, 1), dtype=np.uint8)
    tampered = with_images(digits, lambda i: digits.image(i) if i in POOL else noise[i], digits.shape)
    here, there = small(Images(digits, POOL)), small(Images(tampered, POOL))
    assert there.recipe == here.recipe
    trained = embedded(here, digits)
    monkeypatch.setenv("EMBEDKIT_CACHE", str(tmp_path))
    np.testing.assert_array_equal(embedded(there, digits), trained)


def test_pool_images_have_influence(digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inverted = with_images(digits, lambda i: 255 - digits.image(i), digits.shape)
    trained = embedded(small(Images(digits, POOL)), digits)
    monkeypatch.setenv("EMBEDKIT_CACHE", str(tmp_path))
    assert not np.allclose(embedded(small(Images(inverted, POOL)), digits), trained, atol=1e-3)


@pytest.mark.parametrize(
    "change",
    [
        {"dim": 9},
        {"width": 5},
        {"epochs": 3},
        {"noise": 0.1},
        {"drop": 0.1},
        {"distort": 0.1},
        {"kind": "variational"},
        {"loss": "bce"},
        {"image_size": 16},
        {"learning_rate": 0.01},
        {"precision": "float32"},
        {"seed": 1},
        {"weights": "none"},
        {"layer": "stem"},
        {"layer": "stem", "pool": "max"},
    ],
)
def test_every_parameter_is_in_the_recipe(digits: Dataset, change: dict[str, Any]) -> None:
    images = Images(digits, POOL)
    assert small(images, **change).recipe != small(images).recipe


def test_pool_and_content_are_in_the_recipe(digits: Dataset) -> None:
    recipe = small(Images(digits, POOL)).recipe
    assert small(Images(digits, POOL[1:])).recipe != recipe
    assert small(Images(replace(digits, content="other"), POOL)).recipe != recipe


def test_odd_sizes_are_embedded_as_they_are(digits: Dataset) -> None:
    odd = with_images(digits, lambda i: digits.image(i)[:7, :5], (7, 5, 1))
    backbone = small(Images(odd, POOL))
    assert backbone.recipe["input"] == [1, 7, 5]
    assert np.linalg.matrix_rank(embedded(backbone, odd)) == 8


def test_large_and_mixed_images_are_resized_to_32(digits: Dataset) -> None:
    mixed = with_images(digits, lambda i: np.repeat(digits.image(i)[: 5 + i % 3], 3, axis=2), None)
    backbone = small(Images(mixed, POOL), epochs=1)
    assert backbone.recipe["input"] == [3, 32, 32]
    assert np.isfinite(embedded(backbone, mixed)).all()


def test_images_are_resized_to_the_image_size(digits: Dataset) -> None:
    backbone = small(Images(digits, POOL), image_size=20, epochs=1)
    assert backbone.recipe["input"] == [1, 20, 20]
    assert embedded(backbone, digits).shape == (20, 8)


@pytest.mark.parametrize("size", [7, 225])
def test_sizes_are_8_to_224(digits: Dataset, size: int) -> None:
    with pytest.raises(EmbedkitError, match=rf"image_size={size}\): an autoencoder takes images of 8x8 to 224x224"):
        small(Images(digits, POOL), image_size=size)


def test_a_layer_is_pooled(digits: Dataset) -> None:
    untrained = {"weights": "none"}
    images = Images(digits, POOL)
    whole = embedded(small(images, layer="down1", pool="flatten", **untrained), digits)
    assert whole.shape == (20, 8 * 4 * 4)
    means = embedded(small(images, layer="down1", **untrained), digits)
    np.testing.assert_allclose(means, whole.reshape(20, 8, 16).mean(2), rtol=1e-5, atol=1e-6)
    both = embedded(small(images, layer=("stem", "down1"), **untrained), digits)
    assert both.shape == (20, 4 + 8)
    np.testing.assert_allclose(np.linalg.norm(both[:, 4:], axis=1), 1, rtol=1e-5)


def test_layers_of_one_training_share_the_encoder(digits: Dataset, cache: Path) -> None:
    images = Images(digits, POOL)
    embedded(small(images), digits)
    embedded(small(images, layer="stem"), digits)
    assert len(encoders(cache)) == 2


def test_an_unknown_layer_is_told_with_those_there_are(digits: Dataset) -> None:
    told = r"images of 8x8 has no layer 'down2'; layers: stem, down1, bottleneck"
    with pytest.raises(EmbedkitError, match=told):
        small(Images(digits, POOL), layer="down2")


def test_a_vector_cannot_be_pooled(digits: Dataset) -> None:
    with pytest.raises(EmbedkitError, match="autoencoder: pool='max' has nothing to pool: at 'bottleneck'"):
        small(Images(digits, POOL), pool="max")


def test_layers_are_listed_with_their_sizes(digits: Dataset) -> None:
    listed = small(Images(digits, POOL)).layers
    assert listed is not None
    shapes = listed()
    assert (shapes["stem"], shapes["down1"], shapes["bottleneck"]) == ((4, 8, 8), (8, 4, 4), (8,))


def test_without_images_layers_cannot_be_listed() -> None:
    with pytest.raises(
        EmbedkitError, match="the layers of an autoencoder follow the size of the images: stem, down1, "
    ):
        catalogue.layers_text("autoencoder")


@pytest.fixture
def file(digits: Dataset, tmp_path: Path) -> str:
    """The encoder of 8 x 8 grey images that `small` trains."""
    backbone = small(Images(digits, POOL))
    backbone.network("cpu", lambda share, doing: None)
    recipe = recipe_of(backbone.recipe)
    assert recipe is not None
    shutil.copy(encoder_file(recipe.on("cpu")), tmp_path / "encoder.safetensors")
    return str(tmp_path / "encoder.safetensors")


def test_a_file_embeds_as_the_training_that_it_comes_from(digits: Dataset, file: str) -> None:
    backbone = autoencoder(Images(digits, POOL[:0]), weights=file)
    np.testing.assert_array_equal(embedded(backbone, digits), embedded(small(Images(digits, POOL)), digits))
    assert backbone.training_passes == 0


def test_the_key_of_a_file_is_its_content(digits: Dataset, file: str, tmp_path: Path) -> None:
    shutil.copy(file, tmp_path / "elsewhere.safetensors")
    images = Images(digits, POOL)
    here, there = (autoencoder(images, weights=path) for path in (file, str(tmp_path / "elsewhere.safetensors")))
    assert here.recipe == there.recipe
    assert here.recipe["weights"] == file_sha256(Path(file))


def test_what_agrees_with_the_file_may_be_written(digits: Dataset, file: str) -> None:
    autoencoder(Images(digits, POOL), weights=file, dim=8, width=4, kind="denoising", image_size=8, noise=0.3)


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ({"dim": 9}, r"dim=9 contradicts the file, which was made with dim=8; leave dim out"),
        ({"kind": "masked"}, r"kind='masked' contradicts the file, which was made with kind='denoising'"),
        ({"image_size": 32}, r"image_size=32 contradicts the file, which was made with image_size='8x8'"),
    ],
)
def test_what_contradicts_the_file_is_an_error(digits: Dataset, file: str, written: dict[str, Any], told: str) -> None:
    with pytest.raises(EmbedkitError, match=rf"autoencoder\(weights='encoder.safetensors'\): {told}"):
        autoencoder(Images(digits, POOL), weights=file, **written)


def test_other_images_are_resized_and_repeated_for_the_file(digits: Dataset, file: str) -> None:
    larger = with_images(digits, lambda i: np.kron(digits.image(i), np.ones((2, 2, 1), np.uint8)), (16, 16, 1))
    of_file = autoencoder(Images(larger, POOL), weights=file)
    cosines = np.sum(embedded(of_file, larger) * embedded(of_file, digits), 1)
    cosines /= np.linalg.norm(embedded(of_file, larger), axis=1) * np.linalg.norm(embedded(of_file, digits), axis=1)
    assert cosines.min() > 0.9


def test_colours_do_not_fit_an_encoder_of_grey_images(digits: Dataset, file: str) -> None:
    coloured = with_images(digits, lambda i: np.repeat(digits.image(i), 3, axis=2), (8, 8, 3))
    with pytest.raises(
        EmbedkitError, match=r"'encoder.safetensors' was trained on grey images, and those of digits have"
    ):
        autoencoder(Images(coloured, POOL), weights=file)


def test_the_control_of_a_file_is_its_architecture_untrained(file: str, digits: Dataset) -> None:
    control = control_of(Spec("autoencoder", (("layer", "stem"), ("weights", file))))
    assert str(control) == 'autoencoder(dim=8, image_size=8, layer="stem", seed=0, weights="none", width=4)'
    images = Images(digits, POOL)
    assert make_backbone(control, images).recipe == small(images, weights="none", layer="stem").recipe  # type: ignore[arg-type]
