"""From data, and maybe results, to a model in a folder and back."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import embedkit
from embedkit.decide import embedder, model_folder
from embedkit.decide.fit import fit
from embedkit.decide.model import Model
from embedkit.decide.model_folder import load_model
from embedkit.errors import EmbedkitError

pytest.importorskip("skops", reason='needs pip install "embedkit[skops]"')

QUICK = {"backbones": ["pixels"], "budgets": [2, 5], "repeats": 2, "jobs": 1, "controls": False}
ENCODER = "autoencoder(dim=8, epochs=1, width=4)"


@pytest.fixture
def shades(tmp_path: Path) -> Path:
    """A folder of dark and bright photos of 12x12, in train/ and test/."""
    rng = np.random.default_rng(0)
    for split, n in (("train", 12), ("test", 4)):
        for name, level in (("bright", 200), ("dark", 60)):
            for i in range(n):
                pixels = (level + rng.integers(-40, 40, (12, 12, 3))).astype(np.uint8)
                file = tmp_path / "shades" / split / name / f"{i}.png"
                file.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(pixels).save(file)
    return tmp_path / "shades"


def read_back(model: Model, folder: Path) -> Model:
    model.save(folder)
    return load_model(folder)


def test_what_a_study_recommends_is_fitted_to_all_labelled_images(shades: Path, tmp_path: Path) -> None:
    embedkit.run(str(shades), heads=["lda", "ridge"], out=str(tmp_path / "results"), **QUICK)
    model = read_back(fit(str(shades), results=tmp_path / "results" / "shades"), tmp_path / "model")
    about = model.about
    assert about["data"]["n_labeled_by_class"] == {"bright": 16, "dark": 16}
    assert about["data"]["n_labeled_from_test"] == 8
    assert about["head"]["spec"] in ("lda", "ridge")
    assert (about["score"]["budget"], about["score"]["metric"], about["score"]["n_candidates"]) == ("5", "accuracy", 2)
    assert about["score"]["expected"] == 1
    rows = model.predict(shades)
    assert len(rows) == 32
    assert (rows["class"] == rows["path"].str.split("/").str[1]).all()
    assert (rows["nearest_1"] == rows["path"]).all()
    assert not rows["far"].any()


@pytest.mark.parametrize(
    ("backbone", "head", "codec"),
    [
        ("pixels", "svm", "float32"),
        ("pixels", "mlp(steps=20, epochs=1)", "pca(dim=4) | float16"),
        (ENCODER, "lda", "whiten(dim=4)"),
        ('autoencoder(dim=8, width=4, weights="none", layer="stem")', "knn", "float32"),
        ("pixels", "label_spreading", "float32"),
        (ENCODER, "finetune(steps=5, epochs=1)", "float32"),
    ],
)
def test_a_model_that_is_read_back_predicts_the_same(
    backbone: str, head: str, codec: str, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = fit("digits", backbone=backbone, head=head, codec=codec)
    model.save(tmp_path / "model")
    monkeypatch.setenv("EMBEDKIT_CACHE", str(tmp_path / "another machine"))
    again = load_model(tmp_path / "model")
    pd.testing.assert_frame_equal(again.predict("digits"), model.predict("digits"), check_exact=True)
    assert not list((tmp_path / "model").glob("*.p*k*l*"))
    again.save(tmp_path / "again")
    for file in ("head.skops", "training.safetensors", "training.json"):
        assert (tmp_path / "again" / file).exists()


def test_numbers_are_predicted_as_numbers(tmp_path: Path) -> None:
    model = read_back(fit("rotated_digits", backbone="pixels", head="ridge"), tmp_path / "model")
    rows = model.predict("rotated_digits")
    assert list(rows) == ["path", "number", "nearest_1", "nearest_2", "nearest_3", "distance", "far", "problem"]
    assert model.classes == []
    X, angles = embedkit.embed("rotated_digits", "pixels")
    np.testing.assert_array_equal(rows["number"], model.estimator.predict(X))
    assert np.abs(rows["number"] - angles).mean() < 10


def test_data_of_another_task_than_the_results_are_refused(tmp_path: Path) -> None:
    embedkit.run(
        "rotated_digits", backbones=["pixels"], heads=["ridge"], budgets=[20], repeats=1, jobs=1, out=str(tmp_path)
    )
    with pytest.raises(EmbedkitError, match="digits is for classification, and these results, of rotated_digits, for "):
        fit("digits", results=tmp_path / "rotated_digits")


def test_vectors_are_predicted_from_arrays(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    y = np.arange(30) % 2
    X = (rng.normal(size=(30, 5)) + 6 * y[:, None]).astype(np.float32)
    np.save(tmp_path / "x.npy", X)
    (tmp_path / "y.csv").write_text("label\n" + "\n".join(np.array(["no", "yes"])[y]) + "\n")
    spec = f'vectors(path="{tmp_path}/x.npy", labels="{tmp_path}/y.csv")'
    model = read_back(fit(spec, backbone="vectors", head="lda"), tmp_path / "model")
    rows = model.predict(X)
    assert rows["class"].tolist() == np.array(["no", "yes"])[y].tolist()
    np.testing.assert_allclose(rows["probability"] - rows["margin"], 1 - rows["probability"], atol=1e-12)


def test_images_that_do_not_suit_are_told_and_the_others_predicted(
    shades: Path, write_photo: Callable[..., Path], tmp_path: Path
) -> None:
    model = fit(str(shades), backbone="pixels", head="lda")
    new = tmp_path / "new"
    write_photo(new / "large.png", 1, (24, 20))
    (new / "text.png").write_text("no image")
    (new / "empty.jpg").touch()
    Image.fromarray(np.full((12, 12), 70, np.uint8)).save(new / "grey.png")
    (new / "link.png").symlink_to(shades / "train" / "dark" / "0.png")
    rows = model.predict(new).set_index("path")
    assert rows["problem"].to_dict() == {
        "empty.jpg": "empty file",
        "grey.png": "",
        "large.png": "it has the shape 3x20x24; the model takes 3x12x12",
        "link.png": "a link that leads out of the folder",
        "text.png": "not an image",
    }
    assert rows.loc["grey.png", "class"] == "dark"
    assert rows["class"].isna().sum() == 4
    assert rows["far"].isna().sum() == 4


def test_where_no_image_suits_nothing_is_predicted(shades: Path, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "text.png").write_text("no image")
    rows = fit(str(shades), backbone="pixels", head="lda").predict(tmp_path / "new")
    assert rows["problem"].tolist() == ["not an image"]
    assert rows.drop(columns=["path", "problem"]).isna().all(axis=None)


def test_a_device_that_is_not_made_for_a_models_precision_computes_in_float32(
    shades: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = fit(str(shades), backbone='resnet18(weights="none", image_size=32)', head="lda")
    expected = model.predict(shades)
    monkeypatch.setattr(embedder, "native_precision", lambda device: "float32")
    coarse = replace(model, embedder=replace(model.embedder, precision="bfloat16"))
    assert (coarse.predict(shades)["class"] == expected["class"]).all()


def test_a_model_of_grey_images_takes_grey_images_in_any_file(tmp_path: Path) -> None:
    model = fit("digits", backbone="pixels", head="lda")
    image = (np.random.default_rng(0).integers(0, 255, (8, 8))).astype(np.uint8)
    Image.fromarray(image).convert("RGB").save(tmp_path / "grey.png")
    Image.fromarray(np.stack([image, image, 255 - image], axis=2)).save(tmp_path / "colours.png")
    rows = model.predict(tmp_path)
    assert rows["problem"].tolist() == ["it has colours; the model was fitted on grey images", ""]
    assert rows["class"][1] == model.predict(image[None])["class"][0]


def test_weights_from_a_file_come_with_the_model(tmp_path: Path) -> None:
    from embedkit.backbones.autoencoder_recipe import Recipe
    from embedkit.backbones.encoder_files import write_encoder

    recipe = Recipe(input=(1, 8, 8), dim=4, width=4, epochs=1, trained_on="nothing")
    write_encoder(tmp_path / "e.safetensors", recipe.untrained().encoder, recipe)
    model = fit("digits", backbone=f'autoencoder(weights="{tmp_path}/e.safetensors")', head="ridge")
    model.save(tmp_path / "model")
    (tmp_path / "e.safetensors").unlink()
    again = load_model(tmp_path / "model")
    assert again.about["backbone"]["name"] == 'autoencoder(weights="e.safetensors")'
    pd.testing.assert_frame_equal(again.predict("digits"), model.predict("digits"), check_exact=True)


def test_own_code_comes_with_the_model_and_runs_only_where_it_is_trusted(tmp_path: Path) -> None:
    (tmp_path / "nets.py").write_text(
        "from torch import nn\ndef build():\n"
        "    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())\n"
        "    return network, lambda x: x.float() / 255\n"
    )
    spec = f'module(path="{tmp_path}/nets.py:build")'
    with pytest.raises(EmbedkitError, match="runs code"):
        fit("digits", backbone=spec, head="lda")
    model = fit("digits", backbone=spec, head="lda", trust_code=True)
    model.save(tmp_path / "model")
    with pytest.raises(EmbedkitError, match=re.escape("backbone.py (sha256")):
        load_model(tmp_path / "model")
    again = load_model(tmp_path / "model", trust_code=True)
    pd.testing.assert_frame_equal(again.predict("digits"), model.predict("digits"), check_exact=True)


@pytest.fixture
def folder(shades: Path, tmp_path: Path) -> Path:
    """A small model."""
    fit(str(shades), backbone="pixels", head="lda", codec="pca(dim=3)").save(tmp_path / "model")
    return tmp_path / "model"


def edited(folder: Path, **changes: Any) -> None:
    about = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps(about | changes))


def test_a_folder_that_is_there_is_not_replaced(folder: Path) -> None:
    with pytest.raises(EmbedkitError, match=re.escape("model is there already; give another --out, or remove it")):
        load_model(folder).save(folder)


def test_the_files_of_a_model_are_of_safe_kinds(folder: Path) -> None:
    assert sorted(file.name for file in folder.iterdir()) == [
        "codecs.safetensors", "head.skops", "model.json", "training.json", "training.safetensors",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["head.skops", "training.safetensors", "codecs.safetensors", "training.json"])
def test_a_file_that_was_changed_or_lost_is_named(folder: Path, name: str) -> None:
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[:-1])
    with pytest.raises(EmbedkitError, match=f"is damaged .{name} is not what was written.; fit it again"):
        load_model(folder)
    (folder / name).unlink()
    with pytest.raises(EmbedkitError, match=f"is damaged .{name}: No such file"):
        load_model(folder)


def test_damaged_and_foreign_descriptions_are_told(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(EmbedkitError, match=r"no model in .*; give a folder that embedkit fit wrote"):
        load_model(tmp_path)
    edited(folder, format=7)
    with pytest.raises(EmbedkitError, match="has format version 7; this embedkit reads 1"):
        load_model(folder)
    edited(folder, format=1, backbone={"precision": "float32", "input": [3], "channels": 3, "name": "pixels"})
    with pytest.raises(EmbedkitError, match=r"is damaged .KeyError"):
        load_model(folder)
    (folder / "model.json").write_text("{")
    with pytest.raises(EmbedkitError, match=r"model\.json cannot be read"):
        load_model(folder)
    (folder / "model.json").write_text(json.dumps({"format": 1, "sha256": {"../secret": "x"}}))
    with pytest.raises(EmbedkitError, match=r"model\.json does not name its files"):
        load_model(folder)


def test_other_versions_are_noted(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_model(folder).notices == ()
    versions = model_folder._versions()
    monkeypatch.setattr(model_folder, "_versions", lambda: versions | {"torch": "9.9"})
    [notice] = load_model(folder).notices
    assert notice == f"the model was fitted with other versions (torch {versions['torch']}, here 9.9)"


def test_a_backbone_that_has_become_another_is_refused(shades: Path, tmp_path: Path) -> None:
    fit(str(shades), backbone='resnet18(weights="none", image_size=32)', head="lda").save(tmp_path / "model")
    backbone = json.loads((tmp_path / "model" / "model.json").read_text())["backbone"]
    edited(tmp_path / "model", backbone=backbone | {"spec": 'resnet18(image_size=32, seed=1, weights="none")'})
    with pytest.raises(EmbedkitError, match="gives other vectors here than where the model was fitted"):
        load_model(tmp_path / "model")


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({}, "say what to fit: --from results/NAME, or --backbone and --head (--backbone is missing)"),
        ({"backbone": "pixels"}, "(--head is missing)"),
        ({"backbone": "pixels", "head": "smv"}, "unknown head 'smv'; did you mean 'svm'?"),
        ({"backbone": "resnet99", "head": "svm"}, "unknown backbone 'resnet99'"),
        ({"backbone": "pixels", "head": "svm", "codec": "zip"}, "unknown codec 'zip'"),
        ({"backbone": "pixels", "head": "finetune"}, "finetune trains a network; pixels has none"),
        (
            {"backbone": "pixels", "head": "gaussian_process"},
            "gaussian_process takes up to 500 labels; the draw",
        ),
        ({"backbone": "pixels", "head": "svm", "codec": "pca(dim=999)"}, "pca(dim=999): an embedding has 64 numbers"),
        ({"backbone": 'resnet18(precision="int8")', "head": "svm"}, 'precision="int8"'),
        ({"results": "nothing"}, "no results at 'nothing'"),
    ],
)
def test_what_cannot_be_fitted_is_told(asked: dict[str, str], told: str) -> None:
    with pytest.raises(EmbedkitError, match=re.escape(told)):
        fit("digits", **asked)  # type: ignore[arg-type]


def test_data_without_labels_are_refused(write_photo: Callable[..., Path], tmp_path: Path) -> None:
    write_photo(tmp_path / "photos" / "0.png", 0)
    write_photo(tmp_path / "photos" / "1.png", 1)
    with pytest.raises(EmbedkitError, match="none of its 2 images has a label; label some"):
        fit(str(tmp_path / "photos"), backbone="pixels", head="lda")


def test_no_images_and_arrays_of_other_kinds_are_told(shades: Path, tmp_path: Path) -> None:
    model = fit(str(shades), backbone="pixels", head="lda")
    (tmp_path / "none").mkdir()
    with pytest.raises(EmbedkitError, match=r"holds no images; embedkit reads \.bmp"):
        model.predict(tmp_path / "none")
    with pytest.raises(EmbedkitError, match=re.escape("cannot predict an array of float64 (2, 12, 12, 3)")):
        model.predict(np.zeros((2, 12, 12, 3)))
    with pytest.raises(EmbedkitError, match="there are no images to predict"):
        model.predict(np.zeros((0, 12, 12, 3), np.uint8))
