"""What every head promises."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.exceptions import NotFittedError

from embedkit.errors import EmbedkitError
from embedkit.heads import HEADS, make_head, names

every_head = pytest.mark.parametrize("name", names("classification"))
every_regressor = pytest.mark.parametrize("name", names("regression"))


LIGHTER = {
    "forest": "forest(trees=60)",
    "extra_trees": "extra_trees(trees=60)",
    "hist_gradient_boosting": "hist_gradient_boosting(trees=50)",
    "best": "best(heads=[ridge, svm, knn])",
}
"""Contracts hold with fewer trees and fewer members too, and are told sooner."""


def made(name: str, seed: int = 0, task: Any = "classification") -> Any:
    return make_head(LIGHTER.get(name, name), seed, task)


def clusters(counts: list[int], d: int = 64, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Well separated clusters: (n, d) float32, (n,) class indices. The centres do not depend on the seed."""
    centres = 2 * np.random.default_rng(99).normal(size=(len(counts), d))
    y = np.repeat(np.arange(len(counts)), counts)
    return (centres[y] + np.random.default_rng(seed).normal(size=(len(y), d))).astype(np.float32), y


def accuracy(head: Any, counts: list[int], d: int = 64) -> float:
    X, y = clusters(counts, d, seed=1)
    return float(np.mean(head.predict(X) == y))


def plane(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Rows (n, 64) float32 that vary in 3 directions, and numbers (n,) along the first: mean 20, deviation 5."""
    directions = np.random.default_rng(99).normal(size=(3, 64))
    rng = np.random.default_rng(seed)
    places = rng.normal(size=(n, 3)) * [2, 1, 1]
    X = places @ directions + 0.1 * rng.normal(size=(n, 64))
    return X.astype(np.float32), 20 + 2.5 * places[:, 0]


def regressor(name: str, seed: int = 0) -> Any:
    return made(name, seed, "regression")


@every_head
def test_it_is_an_unfitted_classifier_that_can_be_cloned(name: str) -> None:
    head = made(name, seed=3)
    assert is_classifier(head)
    assert not hasattr(head, "classes_")
    assert str(clone(head)) == str(head)


@every_head
def test_one_label_per_class_is_enough_to_beat_chance(name: str) -> None:
    head = made(name).fit(*clusters([1] * 10))
    assert accuracy(head, [30] * 10) > (0.2 if name == "tree" else 0.5)


@every_head
def test_many_labels_per_class_are_learnt(name: str) -> None:
    head = made(name).fit(*clusters([30] * 4))
    assert accuracy(head, [30] * 4) > 0.95


@every_head
@pytest.mark.parametrize("labels", [np.array(["wolf", "bee", "ant"]), np.array([7, -2, 40])])
def test_labels_of_any_kind_come_back(name: str, labels: np.ndarray) -> None:
    X, y = clusters([5, 5, 5])
    head = made(name).fit(X, labels[y])
    np.testing.assert_array_equal(head.classes_, np.sort(labels))
    np.testing.assert_array_equal(head.predict(X), labels[y])


@every_head
@pytest.mark.parametrize("counts", [[1, 1, 1], [4, 4], [9, 3, 2]])
def test_probabilities_agree_with_predictions(name: str, counts: list[int]) -> None:
    head = made(name).fit(*clusters(counts, d=8))
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
    score = "predict_proba" if hasattr(made(name).fit(X, y), "predict_proba") else "predict"
    first, again = (getattr(made(name, seed=1).fit(X, y), score)(queries) for _ in range(2))
    np.testing.assert_array_equal(first, again)


@pytest.mark.parametrize("name", [name for name in names("classification") if HEADS[name].deterministic])
def test_heads_called_deterministic_do_not_heed_the_seed(name: str) -> None:
    X, y = clusters([4, 4, 4], d=8)
    queries = 3 * np.random.default_rng(5).normal(size=(50, 8)).astype(np.float32)
    first, other = (made(name, seed=seed).fit(X, y).predict(queries) for seed in (0, 1))
    np.testing.assert_array_equal(first, other)


@every_head
def test_one_feature_is_enough(name: str) -> None:
    by_cosine = name in ("knn", "label_spreading", "label_propagation", "cluster_then_label")
    spec = f'{name}(metric="euclidean")' if by_cosine else name  # by cosine, all positive numbers are alike
    head = make_head(spec).fit(np.array([[0], [1], [10], [11]], dtype=np.float32), ["a", "a", "b", "b"])
    np.testing.assert_array_equal(head.predict([[0.5], [10.5]]), ["a", "b"])


@every_head
def test_constant_features_do_not_disturb(name: str) -> None:
    X, y = clusters([3] * 4)
    X[:, :8] = 0.1
    head = made(name).fit(X, y)
    assert np.mean(head.predict(X) == y) == 1


@every_head
def test_rows_that_are_all_equal_are_no_failure(name: str) -> None:
    X = np.full((6, 5), 0.1, dtype=np.float32)
    head = made(name).fit(X, [0, 0, 1, 1, 2, 2])
    assert set(head.predict(X)) <= {0, 1, 2}


@every_head
def test_classes_of_unequal_size_are_all_found(name: str) -> None:
    head = made(name).fit(*clusters([40, 10, 5]))
    assert accuracy(head, [30] * 3) > 0.8


@every_head
def test_float32_and_float64_rows_are_classified_alike(name: str) -> None:
    X, y = clusters([5, 5, 5])
    queries = clusters([20] * 3, seed=1)[0]
    single, double = (made(name).fit(X.astype(t), y).predict(queries.astype(t)) for t in (np.float32, np.float64))
    np.testing.assert_array_equal(single, double)


@every_head
def test_the_rows_are_not_written_to(name: str) -> None:
    X, y = clusters([3, 3])
    before = X.copy()
    X.setflags(write=False)
    made(name).fit(X, y).predict(X)
    np.testing.assert_array_equal(X, before)


@every_regressor
def test_it_is_an_unfitted_regressor_that_can_be_cloned(name: str) -> None:
    head = regressor(name, seed=3)
    assert is_regressor(head)
    assert str(clone(head)) == str(head)
    with pytest.raises(NotFittedError):
        head.predict([[0.0]])


@every_regressor
def test_a_linear_map_is_learnt_from_many_labels(name: str) -> None:
    assert regressor(name).fit(*plane(200)).score(*plane(300, seed=1)) > 0.6


@every_regressor
def test_the_unit_of_the_targets_does_not_matter(name: str) -> None:
    X, y = plane(40)
    queries = plane(50, seed=1)[0]
    factor, shift = (1024, 0) if HEADS[name].family == "trees" else (1000, 5)  # rounding decides ties between splits
    plain, other = (regressor(name).fit(X, of).predict(queries) for of in (y, factor * y + shift))
    np.testing.assert_allclose((other - shift) / factor, plain, atol=0.02)


@every_regressor
def test_equal_targets_are_predicted(name: str) -> None:
    X, _ = plane(30)
    np.testing.assert_allclose(regressor(name).fit(X, np.full(30, 7.3)).predict(3 * X), 7.3, rtol=1e-6)


@every_regressor
def test_one_label_or_two_are_enough_for_numbers_between_them(name: str) -> None:
    X, _ = plane(2)
    queries = plane(20, seed=1)[0]
    np.testing.assert_allclose(regressor(name).fit(X[:1], [7.3]).predict(queries), 7.3, rtol=1e-6)
    predicted = regressor(name).fit(X, [7.0, 8.0]).predict(X)
    assert predicted.min() >= 6.9
    assert predicted.max() <= 8.1


@every_regressor
def test_one_feature_is_enough_for_numbers(name: str) -> None:
    spec = 'knn(metric="euclidean", k=3)' if name == "knn" else name
    X = np.linspace(0, 1, 30, dtype=np.float32)[:, None]
    low, high = regressor(spec).fit(X, 10 * X[:, 0]).predict([[0.2], [0.8]])
    assert high - low > (0.5 if name == "linear" else 3)  # its steps are sized for many features


@every_regressor
def test_constant_features_do_not_disturb_numbers(name: str) -> None:
    X, y = plane(200)
    padded = np.hstack([X, np.full((200, 4), 0.1, dtype=np.float32)])
    assert regressor(name).fit(padded, y).score(padded, y) > 0.6


@every_regressor
def test_rows_that_are_all_equal_get_the_mean(name: str) -> None:
    X = np.full((6, 5), 0.1, dtype=np.float32)
    spec = "knn(k=6)" if name == "knn" else name
    predicted = regressor(spec).fit(X, [1.0, 2.0, 3.0, 5.0, 6.0, 7.0]).predict(X)
    np.testing.assert_allclose(predicted, 4, atol=1)  # that of bootstrap samples, or the median


@every_regressor
def test_the_seed_decides_all_numbers(name: str) -> None:
    X, y = plane(30)
    queries = plane(20, seed=1)[0]
    first, again = (regressor(name, seed=1).fit(X, y).predict(queries) for _ in range(2))
    np.testing.assert_array_equal(first, again)


@pytest.mark.parametrize("name", [name for name in names("regression") if HEADS[name].deterministic])
def test_regressors_called_deterministic_do_not_heed_the_seed(name: str) -> None:
    X, y = plane(30)
    first, other = (regressor(name, seed=seed).fit(X, y).predict(X) for seed in (0, 1))
    np.testing.assert_array_equal(first, other)


@every_regressor
def test_float32_and_float64_rows_get_the_same_numbers(name: str) -> None:
    X, y = plane(30)
    queries = plane(20, seed=1)[0]
    single, double = (regressor(name).fit(X.astype(t), y).predict(queries.astype(t)) for t in (np.float32, np.float64))
    np.testing.assert_allclose(single, double, atol=0.01)


@every_regressor
def test_whole_numbers_are_targets_too(name: str) -> None:
    X, y = plane(40)
    whole = y.round().astype(np.int64)
    first, same = (regressor(name).fit(X, of).predict(X) for of in (whole, whole.astype(np.float64)))
    np.testing.assert_allclose(first, same)
    assert first.dtype.kind == "f"


@pytest.mark.parametrize("weights", ["uniform", "distance", "softmax"])
def test_more_neighbours_than_labels_are_all_of_them(weights: str) -> None:
    X, y = plane(3)
    many, all_three = (regressor(f"knn(k={k}, weights={weights!r})").fit(X, y).predict(X) for k in (50, 3))
    np.testing.assert_array_equal(many, all_three)


@pytest.mark.parametrize("name", HEADS)
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
        (
            "smv",
            "unknown head 'smv'; did you mean 'svm'? Heads: best, centroid, cluster_then_label, extra_trees,",
        ),
        ("knn(neighbours=3)", "knn(neighbours=3): unknown parameter 'neighbours'; knn takes: k, metric, weights"),
        ("svm(kernal='rbf')", "unknown parameter 'kernal'; did you mean 'kernel'? svm takes: C, kernel, gamma"),
        ("qda(k=1)", "unknown parameter 'k'; qda takes: no parameters"),
        ("knn(k='5')", 'k="5": input should be a valid integer'),
        ("knn(k=True)", "k=True: input should be a valid integer"),
        ("knn(k=0)", "k=0: input should be greater than or equal to 1"),
        (
            'knn(metric="euclidean", weights="softmax")',
            'weights="softmax" are of cosine similarities; write metric="cosine"',
        ),
        ("best(heads=[])", "best: name at least one head, and not best again: best(heads=[svm, lda])"),
        ("best(heads=[best(heads=[svm])])", "best: name at least one head, and not best again"),
        ("best(heads=[svm, smv])", "unknown head 'smv'; did you mean 'svm'?"),
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


@pytest.mark.parametrize("name", ["forest", "extra_trees"])
def test_trees_look_at_a_third_of_the_features_for_numbers(name: str) -> None:
    assert make_head(name).get_params()["max_features"] == "sqrt"
    assert make_head(name, task="regression").get_params()["max_features"] == pytest.approx(1 / 3)
    assert make_head(f"{name}(max_features=0.5)", task="regression").get_params()["max_features"] == 0.5
    assert make_head("xgboost", task="regression").get_params()["colsample_bytree"] == pytest.approx(1 / 3)


def test_what_a_head_cannot_do_for_a_task_is_told() -> None:
    with pytest.raises(EmbedkitError, match="mlp: label_smoothing is for classes; leave it out where targets are num"):
        make_head("mlp(label_smoothing=0.1)", task="regression")
