"""``embedkit recommend``, ``fit`` and ``predict``: what a user types and reads."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

import embedkit

pytest.importorskip("skops", reason='needs pip install "embedkit[skops]"')

Embedkit = Callable[..., tuple[int, str, str]]


@pytest.fixture
def model(run: Embedkit, photos: Path) -> Path:
    assert run("fit", "photos", "--backbone", "pixels", "--head", "lda", "--out", "model")[0] == 0
    return photos.parent / "model"


def test_from_results_to_predictions(run: Embedkit, photos: Path, tmp_path: Path) -> None:
    embedkit.run("photos", backbones=["pixels"], heads=["lda", "knn(k=1)"], budgets=[1, 2], repeats=2, jobs=1)
    status, out, err = run("recommend", "results/photos")
    assert (status, err) == (0, "")
    assert out.startswith("photos: take ")
    assert "With 2 labels per class its accuracy is " in out
    assert out.splitlines()[-1] == ("fit it to all labels by: embedkit fit photos --from results/photos --out model")
    status, out, err = run("fit", "photos", "--from", "results/photos", "--out", "model")
    assert (status, err) == (0, "")
    assert "on pixels, fitted to 12 labelled images of photos\nTo be expected: accuracy " in out
    assert out.splitlines()[-1] == "model: model  (embedkit predict model IMAGES)"
    status, out, err = run("predict", "model", "photos")
    assert (status, err) == (0, "")
    assert out.splitlines() == [
        "predicting 12 images",
        "classes: cat 6, dog 6",
        "far from all labelled images: 0 of 12",
        "predictions: predictions.csv",
    ]
    rows = pd.read_csv(tmp_path / "predictions.csv")
    assert (rows["class"] == rows["path"].str[:3]).all()


def test_a_smaller_budget_and_a_limit_of_time(run: Embedkit, folder: Path) -> None:
    status, out, _ = run("recommend", str(folder), "--labels", "1", "--max-fit-seconds", "1")
    assert status == 0
    assert out.startswith("photos: take svm on pixels\nWith 1 label per class its accuracy is ")
    assert "It looked like 50.0%" in out
    assert out.splitlines()[-1].endswith(
        f"--from {shlex.quote(str(folder))} --backbone pixels --codec float32 --head svm --out model"
    )


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["recommend", "nothing"], "no results at 'nothing'"),
        (["recommend", "photos", "--labels", "3"], "photos: nothing was run at the budget '3'; budgets: 1, 5"),
        (["fit", "digits", "--out", "model"], "say what to fit: --from results/NAME, or --backbone and --head"),
        (["fit", "digits", "--out", "no/model"], "there is no folder 'no'; make it, or give another"),
        (["fit", "digits", "--out", "photos"], "photos is there already; give another --out, or remove it"),
        (["predict", "model", "digits"], "no model in 'model'; give a folder that embedkit fit wrote"),
        (["predict", "model", "digits", "--out", "p.txt"], "--out p.txt: predictions end in .csv or .parquet"),
        (["predict", "model", "digits", "--out", "no/p.csv"], "there is no folder 'no'"),
    ],
)
def test_mistakes_are_told_before_any_work(run: Embedkit, folder: Path, arguments: list[str], told: str) -> None:
    status, out, err = run(*arguments)
    assert (status, out) == (2, "")
    assert told in err


def test_images_that_cannot_be_read_are_named_and_the_status_is_1(run: Embedkit, model: Path, photos: Path) -> None:
    (photos / "broken.png").write_text("no image")
    status, out, _ = run("predict", "model", "photos", "--out", "p.csv")
    assert status == 1
    assert "no prediction: broken.png: not an image" in out
    assert "far from all labelled images: 0 of 12" in out
    rows = pd.read_csv("p.csv").set_index("path")
    assert rows.loc["broken.png", "problem"] == "not an image"
    assert rows["class"].notna().sum() == 12


def test_a_problem_that_many_images_have_is_told_once(run: Embedkit, model: Path, photos: Path) -> None:
    for name in "abc":
        (photos / f"{name}.png").write_text("no image")
    _, out, _ = run("predict", "model", "photos", "--out", "p.csv")
    assert out.count("no prediction") == 1
    assert "no prediction: a.png and 2 other images: not an image" in out


def test_a_file_of_predictions_is_replaced_only_where_that_is_asked_for(run: Embedkit, model: Path) -> None:
    run("predict", "model", "photos", "--out", "p.csv")
    status, _, err = run("predict", "model", "photos", "--out", "p.csv")
    assert (status, err) == (2, "error: p.csv is there already; give another --out, or --force to replace it\n")
    assert run("predict", "model", "photos/cat/0.png", "--out", "p.csv", "--force")[0] == 0
    assert len(pd.read_csv("p.csv")) == 1


def test_predictions_may_be_parquet(run: Embedkit, model: Path) -> None:
    pytest.importorskip("pyarrow", reason='needs pip install "embedkit[parquet]"')
    assert run("predict", "model", "photos", "--out", "p.parquet")[0] == 0
    rows = pd.read_parquet("p.parquet")
    assert rows["far"].tolist() == [False] * 12
    assert rows["probability"].between(0, 1).all()


def test_weights_that_have_moved_can_be_said(run: Embedkit, photos: Path, tmp_path: Path) -> None:
    encoder = "autoencoder(dim=4, epochs=1, width=4)"
    assert run("pretrain", "digits", "--backbone", encoder, "--out", "e.safetensors")[0] == 0
    embedkit.run(
        "digits", backbones=['autoencoder(weights="e.safetensors")'], heads=["lda"], budgets=[1], repeats=1,
        controls=False, jobs=1,
    )  # fmt: skip
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "e.safetensors").rename(tmp_path / "elsewhere" / "e.safetensors")
    status, _, err = run("fit", "digits", "--from", "results/digits", "--out", "model")
    assert status == 2
    assert "cannot read the weights file 'e.safetensors': No such file" in err
    assert 'where it is now, say by --backbone, as the study shows it: autoencoder(weights="e.safetensors")' in err
    moved = 'autoencoder(weights="elsewhere/e.safetensors")'
    assert run("fit", "digits", "--from", "results/digits", "--out", "model", "--backbone", moved)[0] == 0
