"""``embedkit pretrain``: what a user types and reads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from embedkit.backbones.encoder_files import read_recipe

Pretrain = Callable[..., tuple[int, str, str]]
SMALL = "autoencoder(dim=8, epochs=2, width=4)"


@pytest.fixture
def pretrain(run: Pretrain) -> Pretrain:
    """``pretrain("digits")`` is ``embedkit pretrain digits``."""
    return lambda *arguments: run("pretrain", *arguments)


def test_an_encoder_is_trained_and_kept_in_a_file(pretrain: Pretrain, tmp_path: Path) -> None:
    status, out, _ = pretrain("digits", "--backbone", SMALL, "--out", "e.safetensors")
    assert status == 0
    lines = out.splitlines()
    assert lines[:2] == ["looking at digits", f"training {SMALL} on digits"]
    assert lines[-1].startswith("e.safetensors: 8 numbers for grey images of 8x8; last loss 0.")
    recipe = read_recipe(tmp_path / "e.safetensors")
    assert (recipe.dim, recipe.width, recipe.epochs) == (8, 4, 2)


def test_the_same_command_again_finds_the_encoder(pretrain: Pretrain, tmp_path: Path, cache: Path) -> None:
    pretrain("digits", "--backbone", SMALL, "--out", "first.safetensors")
    [made] = (cache / "encoders").rglob("encoder.safetensors")
    before = made.stat().st_mtime_ns
    assert pretrain("digits", "--backbone", SMALL, "--out", "again.safetensors")[0] == 0
    assert made.stat().st_mtime_ns == before
    assert (tmp_path / "again.safetensors").read_bytes() == (tmp_path / "first.safetensors").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--out", "e.pth"], "--out e.pth: the file of an encoder ends in .safetensors"),
        (
            ["--out", "no/e.safetensors"],
            "--out no/e.safetensors: there is no folder 'no'; make it, or give another file",
        ),
        (
            ["--out", "e.safetensors", "--backbone", "pixels"],
            "pixels is not trained on a pool; what is trained is an autoencoder(...)",
        ),
        (
            ["--out", "e.safetensors", "--backbone", 'autoencoder(weights="none")'],
            'autoencoder(weights="none") is not trained on a pool',
        ),
        (
            ["--out", "e.safetensors", "--backbone", "autoencoder(kinds=1)"],
            "unknown parameter 'kinds'; did you mean 'kind'?",
        ),
        (
            ["--out", "e.safetensors", "--evaluation", "cv"],
            "an autoencoder needs at least 100 images that are never tested on; digits has 0 (cross-validation",
        ),
    ],
)
def test_mistakes_are_told_before_anything_is_trained(pretrain: Pretrain, arguments: list[str], told: str) -> None:
    status, _, err = pretrain("digits", *arguments)
    assert status == 2
    assert told in err
    assert "Traceback" not in err


def test_images_need_no_labels(pretrain: Pretrain, tmp_path: Path) -> None:
    chance = np.random.default_rng(0)
    (tmp_path / "photos").mkdir()
    for i in range(100):
        Image.fromarray(chance.integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(tmp_path / "photos" / f"{i}.png")
    status, out, err = pretrain("photos", "--backbone", SMALL, "--out", "e.safetensors")
    assert (status, err) == (0, "")
    assert "e.safetensors: 8 numbers for coloured images of 8x8" in out


@pytest.mark.parametrize("other", ["an encoder", "a text"])
def test_what_is_in_the_file_already_stays(pretrain: Pretrain, tmp_path: Path, other: str) -> None:
    file = tmp_path / "e.safetensors"
    if other == "a text":
        file.write_text("hello")
    else:
        assert pretrain("digits", "--backbone", SMALL, "--out", file.name)[0] == 0
        assert pretrain("digits", "--backbone", SMALL, "--out", file.name)[0] == 0
    before = file.read_bytes()
    status, _, err = pretrain("digits", "--backbone", SMALL.replace("dim=8", "dim=9"), "--out", file.name)
    assert status == 2
    assert err.endswith("e.safetensors is there already, and is not this encoder; give another name, or remove it\n")
    assert file.read_bytes() == before
