from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from embedkit import training
from embedkit.backbones import Backbone, Images, pool_images, pretraining
from embedkit.backbones.autoencoder import autoencoder
from embedkit.backbones.encoder_files import encoder_file, read_encoder, read_recipe, recipe_of, training_record
from embedkit.checkpoints import Checkpoint
from embedkit.datasets import open_dataset
from embedkit.datasets.dataset import Dataset, subset
from embedkit.errors import EmbedkitError
from embedkit.spec import parse

KINDS = ["denoising", "plain", "stacked", "masked", "variational"]
every_kind = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return subset(open_dataset(parse("digits")), np.arange(150))


def small(digits: Dataset, **params: Any) -> Backbone:
    return autoencoder(Images(digits, np.arange(150)), **{"dim": 8, "width": 4, "epochs": 3} | params)


def trained(backbone: Backbone, device: str = "cpu") -> dict[str, torch.Tensor]:
    backbone.network(device, lambda share, doing: None)
    return load_file(trained_file(backbone, device))


def trained_file(backbone: Backbone, device: str = "cpu") -> Path:
    recipe = recipe_of(backbone.recipe)
    assert recipe is not None
    return encoder_file(recipe.on(device))


def assert_equal(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> None:
    assert one.keys() == other.keys()
    assert all(torch.equal(value, other[name]) for name, value in one.items())


@every_kind
def test_every_kind_learns_to_give_images_back(digits: Dataset, kind: str) -> None:
    backbone = small(digits, kind=kind, dim=16, width=8, epochs=150, learning_rate=0.01)
    trained(backbone)
    record = training_record(backbone.recipe)
    assert record is not None
    originals, inputs, made = (images / 255 for images in record[1:])
    mean_image = np.stack([digits.image(i) for i in range(150)]).mean(axis=0) / 255
    assert np.mean((made - originals) ** 2) < 0.8 * np.mean((mean_image - originals) ** 2)
    assert (np.mean((inputs - originals) ** 2) > 0.02) == (kind in ("denoising", "stacked", "masked"))


@pytest.mark.parametrize("loss", ["bce", "l1+ssim"])
def test_every_loss_learns_to_give_images_back(digits: Dataset, loss: str) -> None:
    backbone = small(digits, loss=loss, dim=16, width=8, epochs=150, learning_rate=0.01)
    trained(backbone)
    record = training_record(backbone.recipe)
    assert record is not None
    originals, made = record.originals / 255, record.reconstructions / 255
    assert np.mean((made - originals) ** 2) < 0.7 * np.mean((originals.mean(axis=0) - originals) ** 2)


class Killed(BaseException):
    pass


@pytest.mark.parametrize(("kind", "at"), [("denoising", 5), ("stacked", 5), ("stacked", 9), ("variational", 4)])
def test_a_killed_training_ends_at_the_same_weights(
    digits: Dataset, kind: str, at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backbone = small(digits, kind=kind, noise=0.2, drop=0.2, distort=0.1)
    whole = trained(backbone)
    monkeypatch.setenv("EMBEDKIT_CACHE", str(tmp_path))
    monkeypatch.setattr(pretraining, "Checkpoint", lambda file, chance: Checkpoint(file, chance, every_s=0))
    taken = 0

    def one_cycle(step: int, steps: int, peak: float) -> float:
        nonlocal taken
        taken += 1
        if taken == at:
            raise Killed
        return training_one_cycle(step, steps, peak)

    training_one_cycle = training.one_cycle
    monkeypatch.setattr(training, "one_cycle", one_cycle)
    with pytest.raises(Killed):
        trained(backbone)
    assert not trained_file(backbone).exists()
    assert list(trained_file(backbone).parent.glob("checkpoint*"))
    before = taken
    assert_equal(trained(backbone), whole)
    epochs_done = (at - 1) // 2  # of two steps
    assert taken - before == (18 if kind == "stacked" else 6) - 2 * epochs_done
    assert sorted(file.name for file in trained_file(backbone).parent.iterdir()) == [
        "encoder.safetensors",
        "training.safetensors",
    ]


def test_a_loss_that_is_no_number_is_told_with_what_to_lower_and_where_the_last_state_is(digits: Dataset) -> None:
    backbone = small(digits, learning_rate=1e30)
    told = (
        r"autoencoder: the loss became nan at step \d of 6; lower the learning rate \(it is 1e\+30\); no state was kept"
    )
    with pytest.raises(EmbedkitError, match=told):
        trained(backbone)
    assert not trained_file(backbone).exists()


@every_kind
def test_batches_that_are_loaded_one_by_one_give_the_same_encoder(
    digits: Dataset, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backbone = small(digits, kind=kind, epochs=1)
    held = trained(backbone)
    monkeypatch.setenv("EMBEDKIT_CACHE", str(tmp_path))
    monkeypatch.setattr(pool_images, "BYTES_MAX_CPU", 150 * 64 - 1)
    assert_equal(trained(backbone), held)


def test_precisions_are_kept_apart_and_agree(digits: Dataset) -> None:
    single, half = (trained(small(digits, precision=precision)) for precision in ("float32", "bfloat16"))
    a, b = (torch.cat([value.flatten() for value in state.values()]) for state in (single, half))
    assert not torch.equal(a, b)
    assert torch.nn.functional.cosine_similarity(a, b, dim=0) > 0.99


@pytest.mark.parametrize("native", [True, False])
def test_the_processor_chooses_the_precision(digits: Dataset, native: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: native)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    backbone = small(digits, epochs=1)
    trained(backbone)
    assert backbone.recipe["precision"] == "auto"
    assert read_recipe(trained_file(backbone)).precision == ("bfloat16" if native else "float32")


def test_the_record_holds_curve_and_images(digits: Dataset) -> None:
    backbone = small(digits, kind="stacked")
    assert training_record(backbone.recipe) is None
    trained(backbone)
    record = training_record(json.loads(json.dumps(backbone.recipe)))
    assert record is not None
    assert record.curve[:, 0].tolist() == list(range(2, 20, 2))  # 3 layers of 3 epochs of 2 steps
    assert record.originals.dtype == np.uint8
    np.testing.assert_array_equal(record.originals[[0, -1]], [digits.image(0), digits.image(149)])
    assert record.inputs.shape == record.reconstructions.shape == (8, 8, 8, 1)


def test_other_backbones_have_no_record(digits: Dataset) -> None:
    assert training_record({"name": "pixels", "version": 1}) is None
    assert training_record(small(digits, weights="none").recipe) is None


def test_a_file_carries_its_recipe_and_no_path(digits: Dataset) -> None:
    backbone = small(digits)
    trained(backbone)
    recipe = read_recipe(trained_file(backbone))
    assert recipe == recipe_of(backbone.recipe).on("cpu")  # type: ignore[union-attr]
    with safe_open(trained_file(backbone), framework="pt") as opened:
        assert list(opened.metadata()) == ["recipe"]


@pytest.mark.parametrize("metadata", [None, {"recipe": "{}"}, {"recipe": '{"input": [1, 8, 99999]}'}])
def test_a_file_without_a_recipe_is_no_encoder(tmp_path: Path, metadata: dict[str, str] | None) -> None:
    save_file({"weight": torch.zeros(3)}, tmp_path / "other.safetensors", metadata)
    with pytest.raises(
        EmbedkitError, match=r"'other.safetensors' is no file of embedkit pretrain: those carry the recipe"
    ):
        read_recipe(tmp_path / "other.safetensors")


def test_a_damaged_file_is_no_encoder(tmp_path: Path) -> None:
    (tmp_path / "cut.safetensors").write_bytes(b"not a header")
    with pytest.raises(EmbedkitError, match=r"'cut.safetensors' is no file of embedkit pretrain"):
        read_recipe(tmp_path / "cut.safetensors")


def test_weights_of_another_shape_are_told(digits: Dataset, tmp_path: Path) -> None:
    backbone = small(digits)
    state = trained(backbone) | {"stem.0.weight": torch.zeros(4, 2, 3, 3)}
    recipe = recipe_of(backbone.recipe)
    assert recipe is not None
    save_file(state, tmp_path / "e.safetensors", {"recipe": json.dumps(recipe.plain())})
    told = r"'e.safetensors' does not fit the recipe that it carries: 1 key has another shape \(first: 'stem.0.w"
    with pytest.raises(EmbedkitError, match=told):
        read_encoder(tmp_path / "e.safetensors", recipe)
    with pytest.raises(EmbedkitError, match=told):
        autoencoder(Images(digits, np.arange(150)), weights=str(tmp_path / "e.safetensors"))


@pytest.mark.gpu
@every_kind
def test_on_a_gpu_the_seed_alone_decides(
    digits: Dataset, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backbone = small(digits, kind=kind, distort=0.0 if kind == "plain" else 0.1)
    first = trained(backbone, "cuda")
    monkeypatch.setenv("EMBEDKIT_CACHE", str(tmp_path))
    assert_equal(trained(backbone, "cuda"), first)
