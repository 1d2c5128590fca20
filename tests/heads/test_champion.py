from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from embedkit.heads import make_head
from embedkit.heads.champion import ChampionClassifier, ChampionRegressor


def ring(per_class: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A ring around a blob: (2 * per_class, 2), "in" or "out". No line separates them."""
    rng = np.random.default_rng(seed)
    angles = rng.uniform(0, 2 * np.pi, per_class)
    around = 4 * np.stack([np.cos(angles), np.sin(angles)], axis=1) + 0.3 * rng.normal(size=(per_class, 2))
    return np.concatenate([rng.normal(size=(per_class, 2)), around]), np.repeat(["in", "out"], per_class)


@parametrize_with_checks(
    [ChampionClassifier(("ridge", "knn")), ChampionRegressor(("ridge", "knn")), ChampionClassifier(("svm", "lda"))]
)
def test_it_keeps_the_contract_of_scikit_learn(estimator: Any, check: Any) -> None:
    check(estimator)


@pytest.mark.parametrize("heads", [("ridge", "svm"), ("svm", "ridge")])
def test_the_head_that_can_tell_the_classes_apart_is_chosen(heads: tuple[str, ...]) -> None:
    X, y = ring(40)
    champion = ChampionClassifier(heads, tuned=False, random_state=0).fit(X, y)
    assert champion.best_head_ == "svm"
    assert champion.best_score_ > 0.9
    queries, truth = ring(100, seed=1)
    assert champion.score(queries, truth) > 0.9
    np.testing.assert_array_equal(champion.predict(queries), make_head("svm").fit(X, y).predict(queries))


@pytest.mark.parametrize("order", ["sorted", "shuffled", "alternating"])
def test_the_order_of_the_rows_does_not_mislead(order: str) -> None:
    X, y = ring(40)
    index = {
        "sorted": np.arange(80),
        "shuffled": np.random.default_rng(2).permutation(80),
        "alternating": np.arange(80).reshape(2, 40).T.ravel(),
    }[order]
    champion = ChampionClassifier(("ridge", "svm"), tuned=False).fit(X[index], y[index])
    assert champion.best_head_ == "svm"
    assert champion.best_score_ == pytest.approx(0.97, abs=0.04)


@pytest.mark.parametrize("order", ["sorted", "shuffled"])
def test_a_line_is_found_whether_its_numbers_are_sorted_or_not(order: str) -> None:
    rng = np.random.default_rng(0)
    X = np.sort(rng.uniform(-1, 1, size=(60, 1)), axis=0) if order == "sorted" else rng.uniform(-1, 1, size=(60, 1))
    y = 1000 + 50 * X[:, 0] + rng.normal(size=60)
    champion = ChampionRegressor(("tree", "ridge(alpha=0.01)"), random_state=0).fit(X, y)
    assert champion.best_head_ == "ridge(alpha=0.01)"
    assert champion.best_score_ == pytest.approx(1 - 1 / (50**2 / 3), abs=2e-3)  # what the noise leaves
    np.testing.assert_allclose(champion.predict([[-0.5], [0.5]]), [975, 1025], atol=1)


def test_parameters_that_a_spec_leaves_open_are_chosen_too() -> None:
    X = np.random.default_rng(0).normal(size=(40, 4))
    y = X @ [1.0, 2.0, 3.0, 4.0]
    tuned, plain = (ChampionRegressor(("ridge", "knn"), tuned=tuned).fit(X, y) for tuned in (True, False))
    assert (tuned.best_head_, plain.best_head_) == ("ridge(alpha=0.01)", "ridge")
    assert tuned.best_score_ > plain.best_score_


def test_with_few_labels_the_first_head_is_taken_unseen() -> None:
    champion = ChampionClassifier(("ridge(alpha=2)", "svm")).fit(*ring(4))
    assert (champion.best_head_, champion.best_score_) == ("ridge(alpha=2)", None)
    numbers = ChampionRegressor(("knn(k=3)", "ridge")).fit(np.arange(24.0)[:, None], np.arange(24.0))
    assert (numbers.best_head_, numbers.best_score_) == ("knn(k=3)", None)


def test_probabilities_are_there_where_the_champion_has_them() -> None:
    X, y = ring(10)
    with_proba, without = (ChampionClassifier((head, head)).fit(X, y) for head in ("lda", "ridge(alpha=1)"))
    np.testing.assert_allclose(with_proba.predict_proba(X), make_head("lda").fit(X, y).predict_proba(X))
    assert not hasattr(without, "predict_proba")


def test_a_single_class_is_an_error() -> None:
    with pytest.raises(ValueError, match="ChampionClassifier needs at least 2 classes; y holds one class"):
        ChampionClassifier().fit([[0.0], [1.0]], ["a", "a"])


def test_among_heads_that_use_the_pool_minus_one_marks_rows_without_a_label() -> None:
    X, names = ring(200)
    y = (names == "in").astype(int)
    shown = np.where(np.arange(400) % 20 < 2, y, -1)
    champion = ChampionClassifier(("ridge", 'label_propagation(metric="euclidean")'), tuned=False).fit(X, shown)
    assert champion.best_head_ == 'label_propagation(metric="euclidean")'
    np.testing.assert_array_equal(champion.classes_, [0, 1])
    direct = make_head(champion.best_head_).fit(X, shown)
    np.testing.assert_array_equal(champion.predict_proba(X), direct.predict_proba(X))


def test_a_champion_that_does_not_use_the_pool_is_fitted_to_the_labelled_rows() -> None:
    X, names = ring(100)
    y = (names == "in").astype(int)
    shown = np.where(np.arange(200) % 2 == 0, y, -1)
    champion = ChampionClassifier(("svm", "cluster_then_label(clusters=2)"), tuned=False).fit(X, shown)
    assert champion.best_head_ == "svm"
    direct = make_head("svm").fit(X[shown >= 0], shown[shown >= 0])
    np.testing.assert_array_equal(champion.predict(X), direct.predict(X))
