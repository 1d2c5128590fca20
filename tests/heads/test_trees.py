from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from scipy.special import expit
from sklearn.utils.estimator_checks import parametrize_with_checks

from embedkit.heads.trees import XGBoostClassifier, XGBoostRegressor


@parametrize_with_checks([XGBoostClassifier(5), XGBoostRegressor(5)])
def test_it_keeps_the_contract_of_scikit_learn(estimator: Any, check: Any) -> None:
    check(estimator)


@pytest.mark.parametrize(("reg_lambda", "leaf"), [(0.0, 2.0), (1.0, 2 / 3)])
def test_a_single_stump_has_the_leaves_of_one_newton_step(reg_lambda: float, leaf: float) -> None:
    # two rows in each leaf: gradient 2 * 1/2, curvature 2 * 1/4
    head = XGBoostClassifier(1, max_depth=1, learning_rate=1.0, reg_lambda=reg_lambda)
    proba = head.fit([[0.0], [1.0], [2.0], [3.0]], ["a", "a", "b", "b"]).predict_proba([[0.5], [2.5]])
    np.testing.assert_allclose(proba[:, 1], [expit(-leaf), expit(leaf)], rtol=1e-5)


def test_one_label_per_class_does_not_end_in_one_predicted_class() -> None:
    X = np.random.default_rng(0).normal(size=(10, 64))
    assert len(set(XGBoostClassifier(20).fit(X, range(10)).predict(X))) == 10


def test_parameters_reach_xgboost() -> None:
    head = XGBoostClassifier(3, max_depth=2, colsample_bytree=0.5, subsample=0.7, learning_rate=0.2)
    asked = head.get_params()
    reached = head.fit([[0.0], [1.0]], [0, 1]).booster_.get_params()
    assert {name: reached[name] for name in asked if name != "random_state"} == {
        name: value for name, value in asked.items() if name != "random_state"
    }
    assert reached["n_jobs"] == 1


def test_each_tree_may_use_the_square_root_of_the_features() -> None:
    head = XGBoostClassifier(1, colsample_bytree="sqrt").fit(np.eye(16), np.arange(16) % 2)
    assert head.booster_.get_params()["colsample_bytree"] == 1 / 4


def test_the_seed_decides_which_features_are_seen() -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(40, 30)), rng.integers(0, 3, 40)
    first, again, other = (
        XGBoostClassifier(5, colsample_bytree=0.2, random_state=seed).fit(X, y).predict_proba(X) for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_one_class_is_an_error() -> None:
    with pytest.raises(ValueError, match="needs at least 2 classes; y holds one class"):
        XGBoostClassifier().fit([[0.0], [1.0]], ["a", "a"])


@pytest.mark.parametrize("n_classes", [2, 4])
def test_fewer_trees_of_one_fit_predict_as_a_fit_with_fewer_trees(n_classes: int) -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(40, 30)), rng.integers(0, n_classes, 40)

    def fitted(trees: int) -> XGBoostClassifier:
        return XGBoostClassifier(trees, colsample_bytree="sqrt", subsample=0.8, random_state=0).fit(X, y)

    for trees, staged in zip((1, 4, 9), fitted(9).staged_predict_proba(X, (1, 4, 9)), strict=True):
        np.testing.assert_array_equal(staged, fitted(trees).predict_proba(X))


def test_fewer_trees_of_one_regression_predict_as_a_fit_with_fewer_trees() -> None:
    X, y = np.random.default_rng(0).normal(size=(2, 40, 10))

    def fitted(trees: int) -> XGBoostRegressor:
        return XGBoostRegressor(trees, colsample_bytree=0.5, subsample=0.8, random_state=0).fit(X, y[:, 0])

    for trees, staged in zip((1, 4, 9), fitted(9).staged_predict(X, (1, 4, 9)), strict=True):
        np.testing.assert_array_equal(staged, fitted(trees).predict(X))


@pytest.mark.parametrize(("reg_lambda", "share"), [(0.0, 1), (1.0, 2 / 3)])
def test_a_single_stump_moves_from_the_mean_to_the_means_of_its_leaves(reg_lambda: float, share: float) -> None:
    head = XGBoostRegressor(1, max_depth=1, learning_rate=1.0, reg_lambda=reg_lambda)
    predicted = head.fit([[0.0], [1.0], [2.0], [3.0]], [10, 12, 20, 22]).predict([[0.5], [2.5]])
    np.testing.assert_allclose(predicted, [16 - 5 * share, 16 + 5 * share], rtol=1e-6)


def test_the_unit_of_the_target_does_not_matter_to_trees() -> None:
    X, y = np.random.default_rng(0).normal(size=(2, 40, 10))
    plain, other = XGBoostRegressor(5).fit(X, y[:, 0]), XGBoostRegressor(5).fit(X, 1e-3 * y[:, 0] + 1e6)
    np.testing.assert_allclose((other.predict(X) - 1e6) * 1e3, plain.predict(X), atol=1e-4)


@pytest.mark.parametrize("stages", [[0, 5], [5, 6]])
def test_stages_beyond_the_fit_are_errors(stages: list[int]) -> None:
    X, y = np.arange(6.0)[:, None], np.arange(6) % 2
    problem = re.escape(f"stages must lie between 1 and the 5 trees of the fit, got {stages}")
    with pytest.raises(ValueError, match=problem):
        list(XGBoostClassifier(5).fit(X, y).staged_predict_proba(X, stages))
    with pytest.raises(ValueError, match=problem):
        list(XGBoostRegressor(5).fit(X, y).staged_predict(X, stages))
