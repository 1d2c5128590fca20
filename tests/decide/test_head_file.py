"""Fitted heads in files: what is read back predicts the same to the last bit, and nothing else is read."""

from __future__ import annotations

import copy
import io
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embedkit.decide import head_file
from embedkit.decide.head_file import head_bytes, read_head
from embedkit.errors import EmbedkitError
from embedkit.heads import HEADS, make_head
from embedkit.heads.head import TASKS

pytest.importorskip("skops", reason='needs pip install "embedkit[skops]"')

FEWER = {
    "forest": "forest(trees=10)",
    "extra_trees": "extra_trees(trees=10)",
    "hist_gradient_boosting": "hist_gradient_boosting(trees=10)",
    "xgboost": "xgboost(trees=10)",
    "best": "best(heads=[ridge, svm, mlp, xgboost(trees=5)])",
    "self_training": "self_training(head=mlp)",
}
OTHER = ["knn(metric=\"whitened\", weights=\"distance\")", "knn(metric=\"manhattan\")", 'svm(kernel="cosine")',
         "mlp(hidden=[16, 8])", "svm(C=1, kernel=\"poly\")", 'centroid(metric="mahalanobis")']  # fmt: skip
KEPT = [
    (FEWER.get(name, name), task)
    for name, head in HEADS.items()
    if not head.trains_network
    for task in TASKS
    if task in head.tasks
] + [(spec, "classification") for spec in OTHER]


def rows(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows (n, 12) float32 around three centres, and which it is."""
    centres = 2 * np.random.default_rng(9).normal(size=(3, 12))
    y = np.arange(n) % 3
    return (centres[y] + np.random.default_rng(seed).normal(size=(n, 12))).astype(np.float32), y


def fitted(spec: str, task: Any) -> Any:
    X, y = rows(45, 0)
    targets = y if task == "classification" else 10.0 + 3 * X[:, 0]
    if HEADS[spec.split("(")[0]].pool:
        targets = np.where(np.arange(45) % 5 == 0, targets, -1)
    return make_head(spec, 3, task).fit(X, targets)


def read_back(estimator: Any, folder: Path) -> Any:
    (folder / "head.skops").write_bytes(head_bytes(estimator))
    return read_head(folder / "head.skops")


@pytest.mark.parametrize(("spec", "task"), KEPT)
def test_a_head_that_is_read_back_predicts_the_same_to_the_last_bit(spec: str, task: Any, tmp_path: Path) -> None:
    estimator = fitted(spec, task)
    again = read_back(estimator, tmp_path)
    X, _ = rows(60, 1)
    assert type(again) is type(estimator)
    np.testing.assert_array_equal(again.predict(X), estimator.predict(X))
    assert hasattr(again, "predict_proba") == hasattr(estimator, "predict_proba")
    if hasattr(estimator, "predict_proba"):
        np.testing.assert_array_equal(again.predict_proba(X), estimator.predict_proba(X))
        np.testing.assert_array_equal(again.classes_, estimator.classes_)


@pytest.mark.parametrize("spec", ["linear", "mlp", "xgboost(trees=5)"])
def test_a_copy_of_a_head_with_a_network_or_trees_predicts_the_same(spec: str) -> None:
    estimator = fitted(spec, "classification")
    X, _ = rows(60, 1)
    np.testing.assert_array_equal(copy.deepcopy(estimator).predict_proba(X), estimator.predict_proba(X))


def test_no_pickle_is_in_any_file() -> None:
    for spec, task in [
        ("mlp", "classification"),
        ("xgboost(trees=5)", "regression"),
        ("forest(trees=3)", "regression"),
    ]:
        with zipfile.ZipFile(io.BytesIO(head_bytes(fitted(spec, task)))) as archive:
            assert {Path(name).suffix for name in archive.namelist()} <= {".json", ".npy", ".npz"}
            assert b"pickle" not in archive.read("schema.json")


def tampered(estimator: Any, before: str, after: str) -> bytes:
    """A file in whose schema one text stands in place of another."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(head_bytes(estimator))) as archive, zipfile.ZipFile(made, "w") as other:
        for name in archive.namelist():
            content = archive.read(name)
            if name == "schema.json":
                schema = json.dumps(json.loads(content))
                assert before in schema
                content = schema.replace(before, after).encode()
            other.writestr(name, content)
    return made.getvalue()


@pytest.mark.parametrize(
    "after",
    [
        '"__class__": "Popen", "__module__": "subprocess"',
        '"__class__": "Pool", "__module__": "embedkit.heads.pool"',
        '"__class__": "Sequential", "__module__": "torch.nn.modules.container"',
    ],
)
def test_a_file_that_names_another_type_is_refused(after: str, tmp_path: Path) -> None:
    file = tmp_path / "head.skops"
    before = '"__class__": "ScalarScaler", "__module__": "embedkit.heads.scaling"'
    file.write_bytes(tampered(fitted("svm", "classification"), before, after))
    with pytest.raises(EmbedkitError, match="it names types that no head of embedkit holds, and could run code"):
        read_head(file)


@pytest.mark.parametrize(("spec", "task"), [("forest(trees=3)", "classification"), ("tree", "regression")])
def test_trees_that_lead_out_of_themselves_are_refused(spec: str, task: Any, tmp_path: Path) -> None:
    estimator = fitted(spec, task)
    tree = (estimator.estimators_[1] if spec.startswith("forest") else estimator).tree_
    tree.children_left[0] = 10_000
    with pytest.raises(EmbedkitError, match="a node of a tree leads nowhere"):
        read_back(estimator, tmp_path)
    tree.children_left[0] = 1
    tree.feature[0] = 12
    with pytest.raises(EmbedkitError, match="asks for a feature that rows do not have"):
        read_back(estimator, tmp_path)


def test_boosted_trees_that_lead_out_of_themselves_are_refused(tmp_path: Path) -> None:
    estimator = fitted("hist_gradient_boosting(trees=3)", "classification")
    estimator._predictors[1][0].nodes["right"][0] = 0
    with pytest.raises(EmbedkitError, match="a node of a tree leads nowhere"):
        read_back(estimator, tmp_path)


def test_a_damaged_file_is_told_in_a_line(tmp_path: Path) -> None:
    (tmp_path / "head.skops").write_bytes(head_bytes(fitted("ridge", "classification"))[:900])
    with pytest.raises(EmbedkitError, match=re.escape("head.skops cannot be read (BadZipFile")):
        read_head(tmp_path / "head.skops")


def test_without_skops_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(head_file, "find_spec", lambda name: None)
    with pytest.raises(EmbedkitError, match=re.escape('pip install "embedkit[skops]"')):
        head_bytes(make_head("ridge"))
