"""A tiny study that ships its results is run again."""

from __future__ import annotations

import shutil
import sqlite3
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import embedkit as ek
from embedkit import study
from embedkit.console import Console
from embedkit.errors import EmbedkitError
from embedkit.plan import make_plan
from embedkit.rerun import by_machine
from embedkit.side_by_side import references

Embedkit = Callable[..., tuple[int, str, str]]

STUDY = """# Digits, small
datasets = ["digits"]
backbones = ["pixels"]
heads = ["ridge", "centroid"]
budgets = [1, 5]
repeats = 2
jobs = 1
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of the tiny study."""
    root = tmp_path_factory.mktemp("made")
    (root / "tiny_digits.toml").write_text(STUDY)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMBEDKIT_CACHE", str(root / "cache"))
        keys = study.read_study(str(root / "tiny_digits.toml"))
        ek.run(keys.pop("datasets"), out=str(root), **keys)
    return root


@pytest.fixture
def shipped(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout that ships this study and its results; returns the reference."""
    monkeypatch.setattr(references, "__file__", str(tmp_path / "embedkit" / "side_by_side" / "references.py"))
    monkeypatch.setattr(study, "_STUDIES", made)
    return Path(shutil.copytree(made / "tiny_digits", tmp_path / "results" / "reference" / "tiny_digits"))


def change_predictions(folder: Path, count: int) -> None:
    """The first `count` predictions of ridge at budget 5, repeat 0, are others."""
    with sqlite3.connect(folder / "results.sqlite") as connection:
        key, packed = connection.execute(
            "SELECT key, predicted FROM predictions JOIN rows USING (key) "
            "WHERE head = 'ridge' AND budget = '5' AND repeat = 0"
        ).fetchone()
        predicted = np.frombuffer(zlib.decompress(packed), "<i4").copy()
        predicted[:count] = (predicted[:count] + 1) % 10
        connection.execute(
            "UPDATE predictions SET predicted = ? WHERE key = ?", (zlib.compress(predicted.tobytes()), key)
        )
    connection.close()


def test_what_is_run_again_on_the_same_machine_is_the_same(run: Embedkit, shipped: Path, tmp_path: Path) -> None:
    status, out, err = run("verify-reference", "tiny")
    assert (status, err) == (0, "")
    assert "0 done, 8 to do; about" in out
    assert "99.5% equal predictions: 4 of 4 cells; heads without chance" in out
    assert out.endswith("\ntiny_digits is verified in 8 of its 8 trials, 4 cells: 100.00% equal predictions\n")
    assert (tmp_path / "results" / "verify" / "tiny_digits" / "results.sqlite").exists()
    assert "all done" in run("verify-reference", "tiny")[1]


def test_a_part_is_judged_by_the_trials_that_it_has(shipped: Path, tmp_path: Path) -> None:
    cells = ek.verify_reference("tiny_digits", heads=["ridge"], repeats=1, out=str(tmp_path / "again"))
    assert cells[["head", "budget", "rule", "trials", "verdict"]].to_numpy().tolist() == [
        ["ridge", "1", "equal", 1, "verified"],
        ["ridge", "5", "equal", 1, "verified"],
    ]


@pytest.mark.parametrize(("changed", "verdict"), [(3, "verified"), (4, "refuted")])
def test_heads_without_chance_may_miss_one_prediction_in_200(
    shipped: Path, tmp_path: Path, changed: int, verdict: str
) -> None:
    change_predictions(shipped, changed)
    cells = ek.verify_reference("tiny", heads="ridge", budgets=5, out=str(tmp_path / "again"))
    assert cells["equal_predictions"].tolist() == [pytest.approx(1 - changed / 720)]
    assert cells["verdict"].tolist() == [verdict]


def test_a_head_that_predicts_otherwise_ends_with_status_1(run: Embedkit, shipped: Path) -> None:
    change_predictions(shipped, 72)
    status, out, _ = run("verify-reference", "tiny", "--budgets", "5")
    assert status == 1
    assert "99.5% equal predictions: 1 of 2 cells; heads without chance" in out
    assert out.splitlines()[-1] == (
        "tiny_digits is not verified: 1 of 2 cells differ from the reference (ridge, budget 5: 90.0% equal)"
    )


def test_a_dry_run_says_how_long_it_takes_and_does_nothing(run: Embedkit, shipped: Path, tmp_path: Path) -> None:
    status, out, _ = run("verify-reference", "tiny", "--dry-run", "--repeats", "1")
    assert status == 0
    assert out.splitlines()[-1].startswith("0 done, 4 to do; about ")
    assert not (tmp_path / "results" / "verify").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["letters"], "no reference is called 'letters'; references: tiny_digits"),
        (["tiny", "--repeats", "0"], "verify-reference tiny: repeats: input should be greater than or equal to 1"),
        (
            ["tiny", "--heads", "svm,ridge"],
            "4 of 8 trials are not in the reference tiny_digits (first: pixels, svm, budget 1, repeat 0); "
            "backbones there: pixels; heads: centroid, ridge; budgets: 1, 5; repeats: 2",
        ),
        (["tiny", "--out", "results/reference"], "results/reference/tiny_digits is the reference itself; give another"),
    ],
)
def test_mistakes_are_told(run: Embedkit, shipped: Path, arguments: list[str], told: str) -> None:
    status, _, err = run("verify-reference", *arguments)
    assert status == 2
    assert err.startswith(f"error: {told}")


def test_results_of_another_study_are_not_gone_on_with(run: Embedkit, shipped: Path, folder: Path) -> None:
    shutil.move(folder, folder.parent / "mine" / "tiny_digits")
    status, _, err = run("verify-reference", "tiny", "--out", "mine")
    assert status == 2
    assert err == (
        "error: mine/tiny_digits holds results on photos, and the reference is on digits; give another --out\n"
    )


def test_only_less_of_the_study_may_be_asked_for(shipped: Path) -> None:
    told = (
        "selection is that of the reference; what may be chosen: backbones, heads, budgets, repeats, jobs, device, out"
    )
    with pytest.raises(EmbedkitError, match=told):
        ek.verify_reference("tiny", selection="default")


def test_embeddings_depend_on_the_machine_where_networks_were_trained_or_choose_their_precision() -> None:
    backbones = [
        "autoencoder",
        'resnet18(weights="none")',
        'resnet18(weights="none", precision="float32", layer="layer1")',
    ]
    asked = study.make_study("test", datasets=["digits"], backbones=backbones, heads=["ridge"])
    assert by_machine(make_plan(asked, Console(quiet=True))) == {
        ("digits", "autoencoder"),
        ("digits", 'resnet18(weights="none")'),
    }
