"""What every head promises."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone, is_classifier

from embedkit.errors import EmbedkitError
from embedkit.heads import HEADS, make_head

every_head = pytest.mark.parametrize("name", HEADS)


def clusters(counts: list[int], d: int = 64, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Well separated clusters: (n, d) float32, (n,) class indices. The centres do not depend on the seed."""
    centres = 2 * np.random.default_rng(99).normal(size=(len(counts), d))
    y = np.repeat(np.arange(len(counts)), counts)
    return (centres[y] + np.random.default_rng(seed).normal(size=(len(y), d))).astype(np.float32), y


def accuracy(head: Any, counts: list[int], d: int = 64) -> float:
    X, y = clusters(counts, d, seed=1)
    return float(np.mean(head.predict(X) == y))


@every_head
def test_it_is_an_unfitted_classifier_that_can_be_cloned(name: str) -> None:
    head = make_head(name, seed=3)
    assert is_classifier(head)
    assert not hasattr(head, "classes_")
    assert str(clone(head)) == str(head)


@every_head
def test_one_label_per_class_is_enough_to_beat_chance(name: str) -> None:
    head = make_head(name).fit(*clusters([1] * 10))
    assert accuracy(head, [30] * 10) > (0.2 if name == "tree" else 0.5)


@every_head
def test_many_labels_per_class_are_learnt(name: str) -> None:
    head = make_head(name).fit(*clusters([30] * 4))
    assert accuracy(head, [30] * 4) > 0.95


@every_head
@pytest.mark.parametrize("labels", [np.array(["wolf", "bee", "ant"]), np.array([7, -2, 40])])
def test_labels_of_any_kind_come_back(name: str, labels: np.ndarray) -> None:
    X, y = clusters([5, 5, 5])
    head = make_head(name).fit(X, labels[y])
    np.testing.assert_array_equal(head.classes_, np.sort(labels))
    np.testing.assert_array_equal(head.predict(X), labels[y])


@every_head
@pytest.mark.parametrize("counts", [[1, 1, 1], [4, 4], [9, 3, 2]])
def test_probabilities_agree_with_predictions(name: str, counts: list[int]) -> None:
    head = make_head(name).fit(*clusters(counts, d=8))
    if not hasattr(head, "predict_proba"):
        return
    X = 3 * np.random.default_rng(5).normal(size=(50, 8)).astype(np.float32)
    proba = head.predict_proba(X)
    np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=1e-5)
    assert proba.min() >= 0
    np.testing.assert_array_equal(head.classes_[proba.argmax(axis=1)], head.predict(X))


@every_head
def test_the_seed_decides_all(name: str) -> None:
    X, y = clusters([4, 4, 4], d=8)
    queries = 3 * np.random.default_rng(5).normal(size=(50, 8)).astype(np.float32)
    score = "predict_proba" if hasattr(make_head(name).fit(X, y), "predict_proba") else "predict"
    first, again = (getattr(make_head(name, seed=1).fit(X, y), score)(queries) for _ in range(2))
    np.testing.assert_array_equal(first, again)


@pytest.mark.parametrize("name", [name for name, head in HEADS.items() if head.deterministic])
def test_heads_called_deterministic_do_not_heed_the_seed(name: str) -> None:
    X, y = clusters([4, 4, 4], d=8)
    queries = 3 * np.random.default_rng(5).normal(size=(50, 8)).astype(np.float32)
    first, other = (make_head(name, seed=seed).fit(X, y).predict(queries) for seed in (0, 1))
    np.testing.assert_array_equal(first, other)


@every_head
def test_one_feature_is_enough(name: str) -> None:
    spec = 'knn(metric="euclidean")' if name == "knn" else name  # by cosine, all positive numbers are alike
    head = make_head(spec).fit(np.array([[0], [1], [10], [11]], dtype=np.float32), ["a", "a", "b", "b"])
    np.testing.assert_array_equal(head.predict([[0.5], [10.5]]), ["a", "b"])


@every_head
def test_constant_features_do_not_disturb(name: str) -> None:
    X, y = clusters([3] * 4)
    X[:, :8] = 0.1
    head = make_head(name).fit(X, y)
    assert np.mean(head.predict(X) == y) == 1


@every_head
def test_rows_that_are_all_equal_are_no_failure(name: str) -> None:
    X = np.full((6, 5), 0.1, dtype=np.float32)
    head = make_head(name).fit(X, [0, 0, 1, 1, 2, 2])
    assert set(head.predict(X)) <= {0, 1, 2}


@every_head
def test_classes_of_unequal_size_are_all_found(name: str) -> None:
    head = make_head(name).fit(*clusters([40, 10, 5]))
    assert accuracy(head, [30] * 3) > 0.8


@every_head
def test_float32_and_float64_rows_are_classified_alike(name: str) -> None:
    X, y = clusters([5, 5, 5])
    queries = clusters([20] * 3, seed=1)[0]
    single, double = (make_head(name).fit(X.astype(t), y).predict(queries.astype(t)) for t in (np.float32, np.float64))
    np.testing.assert_array_equal(single, double)


@every_head
def test_the_rows_are_not_written_to(name: str) -> None:
    X, y = clusters([3, 3])
    before = X.copy()
    X.setflags(write=False)
    make_head(name).fit(X, y).predict(X)
    np.testing.assert_array_equal(X, before)


@every_head
def test_it_says_what_it_is_in_one_line(name: str) -> None:
    assert re.fullmatch(r"\S[^\n]+", HEADS[name].build.__doc__ or "")


def test_five_neighbours_at_one_label_per_class_decide_as_one_does() -> None:
    X, y = clusters([1] * 10)
    queries = 3 * np.random.default_rng(5).normal(size=(100, 64))
    five, one = (make_head(f"knn(k={k})").fit(X, y).predict(queries) for k in (5, 1))
    np.testing.assert_array_equal(five, one)


def test_the_mean_of_a_class_need_not_be_near_its_members() -> None:
    head = make_head("centroid").fit([[-5.0, 0.0], [5.0, 0.0], [0.0, 4.0]], ["wide", "wide", "high"])
    assert head.predict([[0.0, 1.0]]) == ["wide"]


@pytest.mark.parametrize(
    ("spec", "step", "params"),
    [
        ("svm(C=3, kernel='poly', gamma=0.5)", "svc", {"C": 3, "kernel": "poly", "gamma": 0.5}),
        ("linear_svm(C=0.5)", "linearsvc", {"C": 0.5}),
        ("logistic(C=2)", "logisticregression", {"C": 2}),
        ("ridge(alpha=7)", "ridgeclassifier", {"alpha": 7}),
        ("linear(steps=9)", "fullyconnectedclassifier", {"hidden": (), "steps": 9, "random_state": 5}),
        ("mlp(hidden=[64, 32], dropout=0.1)", "fullyconnectedclassifier", {"hidden": (64, 32), "dropout": 0.1}),
    ],
)
def test_written_parameters_reach_the_scaled_estimator(spec: str, step: str, params: dict[str, Any]) -> None:
    head = make_head(spec, seed=5)
    assert list(head.named_steps) == ["scalarscaler", step]
    assert params.items() <= head.named_steps[step].get_params().items()


@pytest.mark.parametrize(
    ("spec", "params"),
    [
        ("knn(k=3, metric='cosine')", {"n_neighbors": 3, "metric": "cosine"}),
        ("forest(trees=7)", {"n_estimators": 7, "random_state": 5, "n_jobs": 1}),
        ("xgboost(trees=7, max_depth=2)", {"n_estimators": 7, "max_depth": 2, "random_state": 5}),
    ],
)
def test_written_parameters_reach_the_unscaled_estimator(spec: str, params: dict[str, Any]) -> None:
    assert params.items() <= make_head(spec, seed=5).get_params().items()


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        ("smv", "unknown head 'smv'; did you mean 'svm'? Heads: best, centroid, extra_trees, forest, gaussian_nb"),
        ("knn(neighbours=3)", "knn(neighbours=3): unknown parameter 'neighbours'; knn takes: k, metric, weights"),
        ("svm(kernal='rbf')", "unknown parameter 'kernal'; did you mean 'kernel'? svm takes: C, kernel, gamma"),
        ("qda(k=1)", "unknown parameter 'k'; qda takes: no parameters"),
        ("knn(k='5')", 'k="5": input should be a valid integer'),
        ("knn(k=True)", "k=True: input should be a valid integer"),
        ("knn(k=0)", "k=0: input should be greater than or equal to 1"),
        ("svm(C=-1)", "C=-1: input should be greater than 0"),
        ("mlp(dropout=1)", "dropout=1: input should be less than 1"),
        ("mlp(hidden=64)", "hidden=64: input should be a valid tuple"),
        ("xgboost(colsample=1.5)", "colsample=1.5: input should be less than or equal to 1"),
        ("knn(metric='cosin')", "metric=\"cosin\": input should be 'euclidean', 'cosine', 'manhattan' or 'whitened'"),
    ],
)
def test_mistakes_are_told_with_what_is_allowed(spec: str, problem: str) -> None:
    with pytest.raises(EmbedkitError, match=re.escape(problem)):
        make_head(spec)
