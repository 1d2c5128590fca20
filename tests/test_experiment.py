"""Running studies: nothing done is lost, nothing is done twice, and what is compared is comparable."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import embedkit as ek
from embedkit import artefacts, experiment
from embedkit.embeddings import store
from embedkit.report.summary import summarise

QUICK = {"backbones": ["pixels"], "heads": ["ridge", "knn(k=1)"], "budgets": [1, 5], "repeats": 3, "jobs": 1}


def test_every_head_sees_the_same_draws_and_they_nest(tmp_path: Path) -> None:
    rows = ek.run("digits", **QUICK, out=str(tmp_path))
    assert (rows.groupby(["budget", "repeat"], observed=True)["draw_sha256"].nunique() == 1).all()
    assert rows["draw_sha256"].nunique() == 2 * 3
    assert list(rows.groupby("budget", observed=True)["n_labeled"].unique().map(list)) == [[10], [50]]


def test_results_do_not_depend_on_the_number_of_workers(tmp_path: Path) -> None:
    keys = QUICK | {"heads": ["ridge", "mlp(steps=20)", "forest(trees=5)"]}
    alone = ek.run("digits", **keys, out=str(tmp_path / "1"))
    together = ek.run("digits", **keys | {"jobs": 2}, out=str(tmp_path / "2"))
    assert set(together["status"]) == {"ok"}
    pd.testing.assert_series_equal(alone["accuracy"], together["accuracy"])


@pytest.mark.parametrize("device", ["cpu:0", pytest.param("cuda", marks=pytest.mark.gpu)])
def test_results_do_not_depend_on_the_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, device: str) -> None:
    keys = QUICK | {"heads": ["ridge", "linear", "logistic", "svm", "knn", "lda"], "budgets": [2, 5], "jobs": 2}
    on_cpu = ek.run("digits", **keys, device="cpu", out=str(tmp_path / "1"))
    monkeypatch.setattr("embedkit.plan.chosen_device", lambda asked: device)  # "cpu:0": by the routes of a GPU
    on_gpu = ek.run("digits", **keys, out=str(tmp_path / "2"))
    assert set(on_gpu["status"]) == {"ok"}
    both = on_cpu.merge(on_gpu, on="key", suffixes=("", "_gpu"))
    assert len(both) == len(on_cpu) == 6 * 2 * 3
    assert (both["accuracy"] - both["accuracy_gpu"]).abs().max() < 0.01


def test_an_interrupted_run_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = experiment.results.write
    calls = []

    def interrupt_at_third(*arguments: object) -> None:
        if len(calls) == 2:
            raise KeyboardInterrupt
        calls.append(write(*arguments))  # type: ignore[arg-type,func-returns-value]

    monkeypatch.setattr(experiment.results, "write", interrupt_at_third)
    with pytest.raises(KeyboardInterrupt):
        ek.run("digits", **QUICK, out=str(tmp_path))
    monkeypatch.undo()
    kept = ek.load_results(tmp_path / "digits")
    assert 0 < len(kept) < 12
    whole = ek.run("digits", **QUICK, out=str(tmp_path))
    assert len(whole) == 12
    assert whole.set_index("key").loc[kept["key"], "run_id"].unique().tolist() == [1]


def test_an_interrupted_extraction_says_how_many_embeddings_are_kept(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    written = []

    def interrupt_at_second(rows: np.ndarray, ids: object) -> None:
        if written:
            raise KeyboardInterrupt
        written.append(rows)

    monkeypatch.setattr("embedkit.embeddings.store.SHARD_ROWS", 5)
    monkeypatch.setattr("embedkit.embeddings.extract.check_finite", interrupt_at_second)
    keys = {"backbones": ["pixels"], "heads": ["ridge"], "budgets": [1], "repeats": 1, "jobs": 1}
    with pytest.raises(KeyboardInterrupt):
        ek.run(str(photos), **keys, verbose=True, out=str(tmp_path))
    assert "  kept: 5 of 12 embeddings, in whole shards of 5\n" in capsys.readouterr().out


def test_a_moved_folder_of_photos_is_the_same_data(photos: Path, tmp_path: Path) -> None:
    keys = {"backbones": ["pixels"], "heads": ["knn(k=1)"], "budgets": [1], "repeats": 1, "jobs": 1}
    before = ek.run(str(photos), **keys, out=str(tmp_path))
    moved = photos.rename(tmp_path / "elsewhere")
    after = ek.run(str(moved), **keys, name="photos", out=str(tmp_path))
    assert list(after["key"]) == list(before["key"])
    assert set(after["run_id"]) == {1}


def test_embeddings_are_made_once_for_all_studies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ek.run("digits", **QUICK, out=str(tmp_path))
    monkeypatch.setattr(store, "write_shard", None)
    assert len(ek.run("digits", **QUICK, out=str(tmp_path), name="other")) == 12


def test_a_network_that_fails_costs_only_its_own_trials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    extract = experiment.extract

    def broken_for_the_autoencoder(dataset: object, backbone: object, *rest: object) -> str:
        if backbone.recipe["name"] == "autoencoder":  # type: ignore[attr-defined]
            raise RuntimeError("out of luck")
        return extract(dataset, backbone, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(experiment, "extract", broken_for_the_autoencoder)
    keys = QUICK | {"backbones": ["pixels", 'autoencoder(weights="none")'], "controls": False}
    rows = ek.run("digits", **keys, out=str(tmp_path))
    assert rows.groupby("backbone")["status"].unique().map(list).to_dict() == {
        'autoencoder(weights="none")': ["failed"],
        "pixels": ["ok"],
    }
    assert set(rows.loc[rows["status"] == "failed", "error"]) == {"RuntimeError: out of luck"}


def test_weights_are_downloaded_before_anything_is_embedded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("no route to host")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr("torch.hub.load_state_dict_from_url", refuse)
    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", refuse, raising=False)
    with pytest.raises(ek.EmbedkitError, match=r"weights of resnet18 could not be downloaded \(no route to host\)"):
        ek.run("digits", **QUICK | {"backbones": ["resnet18"]}, out=str(tmp_path), verbose=True)
    said = capsys.readouterr().out
    assert "downloading ResNet18_Weights.IMAGENET1K_V1, 45 MB, from https://download.pytorch.org" in said
    assert "embedding" not in said


def test_labels_that_change_are_not_mixed_with_those_before(tmp_path: Path) -> None:
    """The third class comes first in the alphabet and has no test image: test ids and names stay, indices do not."""
    X = np.concatenate([10 * np.eye(3)[[c] * 20] + np.random.default_rng(c).normal(size=(20, 3)) for c in range(3)])
    np.save(tmp_path / "x.npy", X)
    keys = {"heads": ["ridge"], "budgets": [2], "repeats": 2, "jobs": 1, "out": str(tmp_path), "name": "r"}
    spec = f'vectors(path="{tmp_path}/x.npy", labels="{tmp_path}/y.csv")'
    for first in ("", "a"):
        labels = ["b"] * 20 + ["c"] * 20 + [first] * 20
        splits = (["train"] * 12 + ["test"] * 8) * 2 + ["train"] * 20
        lines = [f"{label},{split}" for label, split in zip(labels, splits, strict=True)]
        (tmp_path / "y.csv").write_text("\n".join(["label,split", *lines]))
        rows = ek.run(spec, **keys)
        assert (rows["accuracy"] == 1).all()
    predictions = ek.load_predictions(tmp_path / "r")
    assert len(predictions) == 2 * 2 * 16
    assert (predictions["truth"] == predictions["predicted"]).all()
    (table,) = summarise(tmp_path / "r").tables
    assert table.cells["ridge", "2"].interval.estimate == 100
    assert len(rows) == 2
    assert ek.load_results(tmp_path / "r")["data_sha256"].nunique() == 2


def test_a_network_that_gives_nan_costs_only_its_own_trials(tmp_path: Path, photos: Path) -> None:
    import torch
    from torchvision.models import squeezenet1_1

    weights = {key: value * float("nan") for key, value in squeezenet1_1(weights=None).state_dict().items()}
    torch.save(weights, tmp_path / "nan.pth")
    keys = QUICK | {"backbones": ["pixels", f'squeezenet1_1(weights="{tmp_path}/nan.pth")'], "controls": False}
    keys |= {"budgets": [1], "repeats": 1}
    rows = ek.run(str(photos), **keys, out=str(tmp_path))
    assert rows.groupby("backbone")["status"].first().to_dict() == {
        "pixels": "ok",
        'squeezenet1_1(weights="nan.pth")': "failed",
    }
    assert "embeddings hold NaN or infinity" in rows.query("status == 'failed'")["error"].iloc[0]


def test_float16_is_a_second_codec_of_half_the_bytes(tmp_path: Path) -> None:
    rows = ek.run("digits", **QUICK, codecs=["float32", "float16"], out=str(tmp_path))
    assert rows.groupby("codec")["embedding_bytes"].unique().map(list).to_dict() == {"float16": [128], "float32": [256]}
    by_codec = rows.pivot(index=["head", "budget", "repeat"], columns="codec", values="accuracy")
    np.testing.assert_allclose(by_codec["float16"], by_codec["float32"], atol=0.02)


def test_a_capped_draw_takes_what_a_class_has(tmp_path: Path, write_photo: Callable[..., Path]) -> None:
    for i in range(30):
        write_photo(tmp_path / "photos" / ("cat" if i < 20 else "dog") / f"{i}.png", seed=i)
    keys = {"backbones": ["pixels"], "heads": ["ridge"], "budgets": [12], "repeats": 1, "jobs": 1, "out": str(tmp_path)}
    with pytest.raises(ek.EmbedkitError, match="budget 12: class 'dog' of photos has 8 training images in some"):
        ek.run(str(tmp_path / "photos"), **keys)
    rows = ek.run(str(tmp_path / "photos"), **keys, draw="capped")
    assert set(rows["n_labeled"]) == {12 + 8}


def test_partly_labelled_photos_without_a_test_set(tmp_path: Path, write_photo: Callable[..., Path]) -> None:
    """The labels file's images are divided into folds; the others are the pool, which an autoencoder may see."""
    lines = ["path,label"]
    for i in range(140):
        write_photo(tmp_path / "photos" / f"{i}.png", seed=i, size=(8, 8))
        if i < 30:
            lines.append(f"{i}.png,{'cat' if i % 2 else 'dog'}")
    (tmp_path / "labels.csv").write_text("\n".join(lines))
    rows = ek.run(
        str(tmp_path / "photos"),
        labels=str(tmp_path / "labels.csv"),
        backbones=["autoencoder(epochs=1, width=4)"],
        heads=["ridge"],
        budgets=[2],
        repeats=2,
        controls=False,
        jobs=1,
        out=str(tmp_path),
    )
    assert set(rows["status"]) == {"ok"}
    assert set(rows["evaluation"]) == {"cv"}
    assert set(rows["fitted_on"]) == {"labelled, pool"}
    assert rows.groupby("repeat")["n_test"].sum().to_dict() == {0: 30, 1: 30}


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="kills a process")
def test_a_killed_run_keeps_its_rows_and_goes_on(tmp_path: Path) -> None:
    code = (
        "import embedkit as ek\n"
        "ek.run('digits', backbones=['pixels'], heads=['forest'], budgets=[1, 5], repeats=300, jobs=1, out='.')"
    )
    process = subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path)
    file = tmp_path / "digits" / "results.sqlite"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and _count(file) < 4:
        time.sleep(0.2)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    kept = ek.load_results(file)
    assert len(kept) >= 4
    keys = {"backbones": ["pixels"], "heads": ["forest"], "budgets": [1, 5], "jobs": 1, "out": str(tmp_path)}
    whole = ek.run("digits", **keys, repeats=2)
    assert len(whole) == 4
    assert ek.load_predictions(file).groupby("key").size().unique().tolist() == [360]


def _count(file: Path) -> int:
    try:
        return len(ek.load_results(file))
    except ek.EmbedkitError:
        return 0


@pytest.fixture
def discs(tmp_path: Path) -> Path:
    """140 grey images whose brightness is their label, of 60 of them."""
    lines = ["path,label,group"]
    (tmp_path / "discs").mkdir()
    for i in range(140):
        noise = np.random.default_rng(i).normal(0, 3, (8, 8, 3))
        age = 20 + i % 70
        Image.fromarray((2.5 * age + noise).clip(0, 255).astype(np.uint8)).save(tmp_path / "discs" / f"{i}.png")
        if i < 60:
            lines.append(f"{i}.png,{age + 0.5},{i // 2}")
    (tmp_path / "labels.csv").write_text("\n".join(lines))
    return tmp_path / "discs"


def test_numeric_labels_of_photos_are_predicted(discs: Path, tmp_path: Path) -> None:
    rows = ek.run(
        str(discs),
        labels=str(tmp_path / "labels.csv"),
        backbones=["autoencoder(epochs=1, width=4)"],
        codecs=["float16"],
        heads=["ridge", "knn", "centroid"],
        budgets=[5, "30 total", "all"],
        repeats=2,
        jobs=1,
        out=str(tmp_path),
    )
    assert rows["backbone"].nunique() == 3
    assert len(rows) == 3 * 3 * 3 * 2 * 5
    ok = rows[rows["status"] == "ok"]
    assert set(ok["head"]) == {"ridge", "knn"}
    assert ok.query("backbone == 'pixels' and budget == 'all' and head == 'ridge'")["mae"].max() < 2
    assert (ok.groupby(["budget", "repeat", "fold"], observed=True)["draw_sha256"].nunique() == 1).all()
    assert set(ok[ok["budget"] == "30 total"]["n_labeled"]) == {30}
    assert set(ok.loc[(ok["repeat"] == 0) & (ok["fold"] == 0), "timing"]) == {"exclusive"}
    predictions = ek.load_predictions(tmp_path / "discs", budget="5")
    error = (predictions["predicted"] - predictions["truth"]).abs().groupby(predictions["key"]).mean()
    np.testing.assert_allclose(error, ok.set_index("key").loc[error.index, "mae"], rtol=1e-5)
    assert {table.score for table in summarise(tmp_path / "discs").tables} == {"mae"}


def test_a_run_with_numeric_targets_goes_on_where_it_was(tmp_path: Path) -> None:
    keys = QUICK | {"budgets": [10, 25], "out": str(tmp_path)}
    first = ek.run("rotated_digits", **keys | {"repeats": 1})
    whole = ek.run("rotated_digits", **keys)
    assert whole.set_index("key").loc[first["key"], "run_id"].unique().tolist() == [1]
    assert whole["mae"].notna().all()
    assert whole.groupby("budget", observed=True)["n_labeled"].unique().map(list).to_dict() == {"10": [10], "25": [25]}


def test_what_a_study_of_numeric_targets_found_is_told_before_it_starts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = QUICK | {"heads": ["ridge", "lda"], "budgets": [10], "repeats": 1, "out": str(tmp_path)}
    ek.run("rotated_digits", **keys, verbose=True)
    said = capsys.readouterr().out
    assert "rotated_digits: 1797 images of 16x16, 0 unlabelled, numeric targets, 0 unreadable" in said
    assert "  targets: from -44.91 to 44.97, median -0.54" in said
    assert "(labels unseen); score: mean absolute error" in said
    assert "  not applicable: lda tells classes apart; rotated_digits has numeric targets" in said


def test_nothing_is_embedded_for_heads_that_do_not_suit_the_data(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = QUICK | {"heads": ["lda", "qda"], "budgets": [10], "repeats": 1, "out": str(tmp_path)}
    rows = ek.run("rotated_digits", **keys, verbose=True)
    assert set(rows["status"]) == {"not_applicable"}
    assert set(rows["error"]) == {
        "lda tells classes apart; rotated_digits has numeric targets",
        "qda tells classes apart; rotated_digits has numeric targets",
    }
    assert "embedding" not in capsys.readouterr().out
    assert not (artefacts.cache() / "embeddings").exists()


def test_what_is_stored_is_not_said_to_be_embedded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ek.run("digits", **QUICK, verbose=True, out=str(tmp_path / "a"))
    assert "embedding digits with pixels\n" in capsys.readouterr().out
    ek.run("digits", **QUICK, verbose=True, out=str(tmp_path / "b"))
    assert "embedding" not in capsys.readouterr().out


def test_classes_and_numbers_in_one_study_have_a_table_each(tmp_path: Path) -> None:
    ek.run("digits, rotated_digits", **QUICK | {"budgets": None, "repeats": 1}, name="both", out=str(tmp_path))
    found = {table.dataset: (table.score, table.budgets) for table in summarise(tmp_path / "both").tables}
    assert found == {
        "digits": ("accuracy", ["1", "2", "5", "10", "25", "50", "100"]),
        "rotated_digits": ("mae", ["10", "25", "50", "100", "250", "500", "1000"]),
    }


def test_heads_and_codecs_that_use_the_pool_say_so(tmp_path: Path) -> None:
    keys = QUICK | {"heads": ["ridge", "label_spreading", "best(heads=[svm, cluster_then_label])"], "budgets": [5]}
    keys |= {"codecs": ["float32", "whiten(dim=16) | float16"], "repeats": 2}
    rows = ek.run("digits", **keys, out=str(tmp_path))
    assert set(rows["status"]) == {"ok"}
    told = rows.groupby(["codec", "head"], observed=True)["fitted_on"].unique().map(list).to_dict()
    assert {place for place, on in told.items() if on == ["labelled"]} == {("float32", "ridge")}
    assert {place for place, on in told.items() if on == ["labelled, pool"]} == set(told) - {("float32", "ridge")}
    assert set(rows.query("codec != 'float32'")["embedding_bytes"]) == {32}
    assert set(rows.query("codec != 'float32'")["embedding_dim"]) == {16}


def test_what_follows_from_a_pool_is_made_once_for_all_draws(tmp_path: Path, cache: Path) -> None:
    keys = QUICK | {"heads": ["label_spreading", "label_propagation", "cluster_then_label(clusters=20)"]}
    rows = ek.run("digits", **keys, codecs=["pca(dim=8)"], out=str(tmp_path))
    assert len(rows) == 3 * 2 * 3
    assert len(list((cache / "pools").glob("*.safetensors"))) == 4  # codec, graph, clusters, test images in the graph


def test_vectors_without_a_label_are_the_pool(tmp_path: Path) -> None:
    """Two half circles with a label in ten: each fold has a pool of its own, with the images of the other folds."""
    from sklearn.datasets import make_moons

    X, y = make_moons(400, noise=0.05, random_state=0)
    labels = [name if i % 10 == 0 else None for i, name in enumerate(np.array(["up", "down"])[y])]
    keys = {"heads": ['label_propagation(k=5, metric="euclidean")', "svm"], "budgets": [5], "repeats": 2, "jobs": 1}
    rows = ek.compare(X, labels, **keys)
    assert set(rows["evaluation"]) == {"cv"}
    assert set(rows["status"]) == {"ok"}
    means = rows.groupby("head")["accuracy"].mean()
    assert means['label_propagation(k=5, metric="euclidean")'] > 0.97
    assert means["svm"] < 0.95


FINETUNED = "finetune(encoder_rate=0.05, epochs=1, shift=0, steps=6)"
TUNED = {"backbones": ["autoencoder(epochs=1, width=4)"], "heads": [FINETUNED, "ridge"], "budgets": [2], "jobs": 2}


def test_a_network_is_trained_beside_heads_on_its_embeddings(tmp_path: Path) -> None:
    rows = ek.run("digits", **TUNED, repeats=2, codecs=["float32", "float16"], out=str(tmp_path))
    tuned = rows[rows["head"] == FINETUNED].set_index(["backbone", "repeat"])
    assert len(tuned) == 3 * 2
    assert tuned.loc["pixels", "status"].tolist() == ["not_applicable"] * 2
    assert tuned.loc["pixels", "error"].unique().tolist() == ["finetune trains a network; pixels has none"]
    others = tuned.drop("pixels")
    assert set(others["status"]) == {"ok"}, others["error"]
    assert set(others["codec"]) == {"float32"}
    assert (others["n_labeled"] == 20).all()
    assert (others["embedding_dim"] == 64).all()
    assert others["embedding_bytes"].isna().all()
    assert (others["accuracy"] > 0.3).all()
    assert others["train_accuracy"].between(0, 1).all()
    assert set(others.loc["autoencoder(epochs=1, width=4)", "fitted_on"]) == {"labelled, pool"}
    timed = others.xs(0, level="repeat")
    assert set(timed["timing"]) == {"exclusive"}
    assert (timed[["fit_s", "predict_s"]] > 0).all(axis=None)
    assert (timed["head_bytes"] > timed["backbone_bytes"]).all()
    assert (rows.groupby(["budget", "repeat"], observed=True)["draw_sha256"].nunique() == 1).all()
    predictions = ek.load_predictions(tmp_path / "digits", head=FINETUNED)
    right = (predictions["predicted"] == predictions["truth"]).groupby(predictions["key"]).mean()
    np.testing.assert_allclose(right, others.set_index("key").loc[right.index, "accuracy"])


def test_trained_networks_are_kept_and_the_same_again(tmp_path: Path) -> None:
    keys = TUNED | {"heads": [FINETUNED], "controls": False, "jobs": 1}
    first = ek.run("digits", **keys, repeats=2, out=str(tmp_path / "1"))
    more = ek.run("digits", **keys, repeats=3, out=str(tmp_path / "1"))
    assert more.set_index("key").loc[first["key"], "run_id"].unique().tolist() == [1]
    again = ek.run("digits", **keys, repeats=3, out=str(tmp_path / "2"))
    pd.testing.assert_series_equal(more["log_loss"], again["log_loss"])


def test_networks_are_trained_on_numbers_too(tmp_path: Path) -> None:
    keys = TUNED | {"budgets": [50], "repeats": 1, "controls": False}
    rows = ek.run("rotated_digits", **keys, out=str(tmp_path)).set_index("head")
    assert rows.loc[FINETUNED, "status"] == "ok", rows.loc[FINETUNED, "error"]
    assert 0 < rows.loc[FINETUNED, "mae"] < 60
    assert rows.loc[FINETUNED, "train_mae"] > 0


def test_a_network_that_diverges_costs_only_its_own_row(tmp_path: Path) -> None:
    diverging = "finetune(epochs=1, learning_rate=1e+30, steps=5)"
    keys = TUNED | {"heads": [diverging, FINETUNED], "controls": False, "repeats": 1}
    rows = ek.run("digits", **keys, out=str(tmp_path)).set_index("head")
    assert rows["status"].to_dict() == {diverging: "failed", FINETUNED: "ok"}
    assert rows.loc[diverging, "error"].startswith("TrainingDiverged: the loss became nan at step ")
    assert rows.loc[diverging, "error"].endswith("; lower the learning rate")


def test_vectors_have_no_network_to_train() -> None:
    X, y = np.random.default_rng(0).normal(size=(60, 4)), np.arange(60) % 2
    rows = ek.compare(X, y, heads=["finetune", "ridge"], budgets=[2], repeats=1, jobs=1)
    assert rows.groupby("head")["status"].unique().map(list).to_dict() == {
        "finetune": ["not_applicable"],
        "ridge": ["ok"],
    }
