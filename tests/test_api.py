"""embedkit from Python."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import RidgeClassifier

import embedkit as ek


@pytest.fixture
def clusters() -> tuple[np.ndarray, np.ndarray]:
    """Three well separated clusters of 40 points in 8 dimensions."""
    y = np.repeat(["a", "b", "c"], 40)
    centres = 20 * np.eye(3, 8)
    return np.random.default_rng(0).normal(size=(120, 8)) + np.repeat(centres, 40, axis=0), y


def test_run_returns_one_row_per_trial_with_proper_dtypes(tmp_path: Path) -> None:
    keys = {"backbones": ["pixels"], "heads": ["ridge", "knn(k=1)"], "budgets": [1, 5], "repeats": 2, "jobs": 1}
    rows = ek.run("digits", **keys, out=str(tmp_path))
    assert len(rows) == 8
    assert list(rows["budget"].cat.categories) == ["1", "5"]
    assert rows["budget"].cat.ordered
    assert rows["repeat"].dtype == "Int64"
    assert rows["accuracy"].dtype == "float64"
    assert (rows["status"] == "ok").all()
    assert set(rows.loc[rows["repeat"] == 0, "timing"]) == {"exclusive"}
    pd.testing.assert_frame_equal(rows, ek.load_results(tmp_path / "digits"))


def test_run_is_quiet_unless_verbose(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keys = {"backbones": ["pixels"], "heads": ["ridge"], "budgets": [1], "repeats": 1, "jobs": 1, "out": str(tmp_path)}
    ek.run("digits", **keys)
    assert capsys.readouterr().out == ""
    ek.run("digits", **keys, verbose=True)
    assert "all done" in capsys.readouterr().out


def test_rows_are_what_scikit_learn_gives_on_the_same_draw(tmp_path: Path) -> None:
    keys = {"backbones": ["pixels"], "heads": ["ridge"], "budgets": ["all"], "jobs": 1, "out": str(tmp_path)}
    row = ek.run("digits", **keys).iloc[0]
    X, y = ek.embed("digits", "pixels", split="train")
    X_test, y_test = ek.embed("digits", "pixels", split="test")
    centred = X.astype(np.float64) - X.mean(axis=0)
    scale = np.sqrt((centred**2).sum(axis=1).mean())
    reference = RidgeClassifier(alpha=1.0).fit(centred / scale, y)
    assert row["n_labeled"] == len(y)
    assert row["accuracy"] == pytest.approx(reference.score((X_test - X.mean(axis=0)) / scale, y_test), abs=1e-9)


def test_embed_gives_vectors_and_class_names_of_disjoint_splits() -> None:
    X, y = ek.embed("digits", "pixels", split="train")
    X_test, y_test = ek.embed("digits", "pixels", split="test")
    assert (X.dtype, X.shape[1], len(X) + len(X_test)) == (np.float32, 64, 1797)
    assert set(y) == set(y_test)
    assert y[0] in {"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"}
    assert not {row.tobytes() for row in X} & {row.tobytes() for row in X_test}


def test_embed_refuses_an_unknown_split() -> None:
    with pytest.raises(ek.EmbedkitError, match="unknown split 'valid'; splits are train, test and all"):
        ek.embed("digits", "pixels", split="valid")  # type: ignore[arg-type]


def test_compare_takes_vectors_from_elsewhere(clusters: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = clusters
    rows = ek.compare(X, y, heads=["ridge", "centroid"], budgets=[2], repeats=2, jobs=1)
    assert set(rows["head"]) == {"ridge", "centroid"}
    assert set(rows["evaluation"]) == {"cv"}
    assert len(rows) == 2 * 2 * 5
    assert (rows["accuracy"] == 1).all()


def test_compare_keeps_groups_together(clusters: tuple[np.ndarray, np.ndarray], tmp_path: Path) -> None:
    X, y = clusters
    groups = np.arange(120) // 4
    where = {"heads": ["knn(k=1)"], "budgets": ["all"], "repeats": 1, "jobs": 1, "out": str(tmp_path), "name": "mine"}
    ek.compare(X, y, groups=groups, **where)
    predictions = ek.load_predictions(tmp_path / "mine")
    folds_of_group = predictions.groupby(predictions["image"].astype(int) // 4)["fold"].nunique()
    assert (folds_of_group == 1).all()
    assert len(predictions) == 120


@pytest.mark.parametrize("missing", [None, float("nan"), pd.NA, ""])
def test_rows_without_a_group_are_groups_of_their_own(
    clusters: tuple[np.ndarray, np.ndarray], tmp_path: Path, missing: object
) -> None:
    X, y = clusters
    keys = {"heads": ["ridge"], "budgets": ["all"], "repeats": 1, "jobs": 1, "out": str(tmp_path)}
    grouped = ek.compare(X, y, groups=[missing] * 60 + list(range(60)), name="grouped", **keys)
    assert list(grouped["n_test"]) == [24] * 5


def test_compare_takes_missing_labels_as_pool(clusters: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = clusters
    partly = [label if i % 2 else None for i, label in enumerate(y)]
    rows = ek.compare(X, partly, heads=["ridge"], budgets=["all"], repeats=1, jobs=1)
    assert set(rows["n_test"]) == {12}
    assert rows["n_test"].sum() == 60


@pytest.mark.parametrize(
    ("X", "y", "told"),
    [
        ([[1.0, 2.0]], ["a", "b"], "1 vector and 2 labels"),
        ([[1.0], [float("nan")]], ["a", "b"], "1 vector holds NaN or infinity, as float32 (first: row 1)"),
        ([[1.0], [2.0, 3.0]], ["a", "b"], "vectors must all have the same length, one row per image"),
        ([[1.0], [2.0]], ["a", "a"], "all labelled images are of one class, 'a'"),
    ],
)
def test_compare_tells_what_is_wrong_with_vectors(X: list[list[float]], y: list[str], told: str) -> None:
    with pytest.raises(ek.EmbedkitError) as raised:
        ek.compare(X, y, heads=["ridge"])
    assert told in str(raised.value)


def test_compare_tells_of_groups_of_another_length_and_of_keys_about_images() -> None:
    X, y = [[1.0], [2.0], [3.0]], ["a", "b", "a"]
    with pytest.raises(ek.EmbedkitError, match="3 vectors and 2 groups; give one group"):
        ek.compare(X, y, groups=[1, 2])
    with pytest.raises(ek.EmbedkitError, match="backbones is about images; leave it out"):
        ek.compare(X, y, backbones=["pixels"])
    with pytest.raises(ek.EmbedkitError, match="out needs a name"):
        ek.compare(X, y, out="results")


def test_importing_embedkit_imports_nothing_heavy() -> None:
    code = "import sys, embedkit; print(sorted({'torch', 'sklearn', 'pandas', 'numpy', 'pydantic'} & set(sys.modules)))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


def test_a_plan_imports_no_library_of_heads_or_networks() -> None:
    """Each takes seconds, and what is done already needs none."""
    code = (
        "import sys, embedkit.plan, embedkit.experiment; "
        "print(sorted({'altair', 'openvino', 'pandas', 'sklearn', 'timm', 'torchvision'} & set(sys.modules)))"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


def test_public_names_are_there() -> None:
    assert all(getattr(ek, name) is not None for name in ek.__all__)
    with pytest.raises(AttributeError, match="module 'embedkit' has no attribute 'rnu'"):
        ek.rnu  # noqa: B018


def test_compare_predicts_numbers_that_are_not_all_whole() -> None:
    X = np.random.default_rng(0).normal(size=(100, 4))
    y = X @ [1.0, -2.0, 0.5, 3.0] + 7
    keys = {"heads": ["ridge(alpha=1e-6)", "lda"], "budgets": [20, "all"], "repeats": 2, "jobs": 1}
    rows = ek.compare(X, [*y[:99], None], **keys)
    linear, classes = rows[rows["head"] != "lda"], rows[rows["head"] == "lda"]
    assert set(linear["task"]) == {"regression"}
    assert linear["mae"].max() < 1e-4
    assert linear["r2"].min() > 0.999999
    assert linear[linear["budget"] == "all"].groupby("repeat")["n_test"].sum().tolist() == [99, 99]
    assert linear["n_classes"].isna().all()
    assert set(classes["status"]) == {"not_applicable"}
    assert set(classes["error"]) == {"lda tells classes apart; vectors has numeric targets"}


def test_compare_takes_whole_numbers_as_classes_unless_told() -> None:
    X = np.repeat(np.eye(3), 10, axis=0) + np.random.default_rng(0).normal(0, 0.01, (30, 3))
    y = np.repeat([20, 30, 70], 10)
    keys = {"heads": ["knn(k=1)"], "budgets": ["all"], "repeats": 1, "jobs": 1}
    assert (ek.compare(X, y, **keys)["accuracy"] == 1).all()
    assert (ek.compare(X, y, task="regression", **keys)["mae"] == 0).all()


def test_embed_gives_targets(photos: Path, tmp_path: Path) -> None:
    X, y = ek.embed("rotated_digits", "pixels", split="test")
    assert (len(X), y.dtype) == (359, np.float64)
    assert np.abs(y).max() <= 45
    for number, name in enumerate(("cat", "dog")):
        (photos / name).rename(photos / str(number))
    assert ek.embed(str(photos), "pixels", task="regression")[1].tolist() == [0.0] * 6 + [1.0] * 6
    assert set(ek.embed(str(photos), "pixels")[1]) == {"0", "1"}


def test_own_code_embeds_where_it_is_trusted(tmp_path: Path) -> None:
    (tmp_path / "nets.py").write_text("from torch import nn\ndef build(): return nn.Conv2d(3, 8, 9)\n")
    own = f'module(path="{tmp_path}/nets.py:build", image_size=16)'
    with pytest.raises(ek.EmbedkitError, match=r"nets.py \(sha256 \w{12}\.\.\.\), then build\(\) in it; where you"):
        ek.embed("digits", own)
    assert ek.embed("digits", own, trust_code=True)[0].shape == (1797, 8)


def test_a_few_photos_are_embedded_without_a_comparison(photos: Path) -> None:
    X, _ = ek.embed(str(photos), "pixels")
    for file in [*photos.glob("*/[1-9].png")]:
        file.unlink()
    few, y = ek.embed(str(photos), "pixels")  # one photo of each class: nothing could be compared
    np.testing.assert_array_equal(few, X[[0, 6]])
    assert y.tolist() == ["cat", "dog"]
    with pytest.raises(ek.EmbedkitError, match="label"):
        ek.embed(str(photos), "pixels", split="train")


def test_photos_without_labels_or_of_one_class_are_embedded(photos: Path) -> None:
    X, _ = ek.embed(str(photos), "pixels")
    flat, y = ek.embed(str(photos / "cat"), "pixels")  # photos in no class folder
    np.testing.assert_array_equal(flat, X[:6])
    assert y.tolist() == [""] * 6
    shutil.rmtree(photos / "dog")
    one_class, y = ek.embed(str(photos), "pixels")
    np.testing.assert_array_equal(one_class, X[:6])
    assert y.tolist() == ["cat"] * 6
    with pytest.raises(ek.EmbedkitError, match="all labelled images are of one class, 'cat'"):
        ek.run(str(photos), backbones=["pixels"])
    with pytest.raises(ek.EmbedkitError, match="none of its 6 images has a label; label some"):
        ek.run(str(photos / "cat"), backbones=["pixels"])
