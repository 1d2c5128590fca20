from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.utils.estimator_checks import parametrize_with_checks

from embedkit.heads.naive_bayes import GaussianNaiveBayes


@parametrize_with_checks([GaussianNaiveBayes(), GaussianNaiveBayes(var_smoothing=0.01)])
def test_it_keeps_the_contract_of_scikit_learn(estimator: Any, check: Any) -> None:
    check(estimator)


def test_posterior_is_that_of_a_gaussian_for_each_feature_and_class() -> None:
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], [9, 4, 2])
    X, queries = rng.normal(size=(15, 3)) + y[:, None], rng.normal(size=(20, 3))
    smoothed = 0.01 * X.var(axis=0).max()
    joint = np.stack(
        [
            np.mean(y == c)
            * norm.pdf(queries, X[y == c].mean(axis=0), np.sqrt(X[y == c].var(axis=0) + smoothed)).prod(axis=1)
            for c in range(3)
        ],
        axis=1,
    )
    proba = GaussianNaiveBayes(var_smoothing=0.01).fit(X, y).predict_proba(queries)
    np.testing.assert_allclose(proba, joint / joint.sum(axis=1, keepdims=True), rtol=1e-8)


def test_one_label_per_class_is_the_nearest_mean() -> None:
    rng = np.random.default_rng(0)
    X, queries = rng.normal(size=(10, 64)), 3 * rng.normal(size=(200, 64))
    nearest = np.linalg.norm(queries[:, None] - X, axis=2).argmin(axis=1)
    np.testing.assert_array_equal(
        GaussianNaiveBayes(var_smoothing=0.01).fit(X, np.arange(10)).predict(queries), nearest
    )


def test_rows_that_are_all_equal_leave_the_shares_of_the_classes() -> None:
    head = GaussianNaiveBayes().fit(np.full((4, 3), 7.0), ["a", "b", "b", "b"])
    np.testing.assert_allclose(head.predict_proba([[7.0, 7.0, 7.0]]), [[0.25, 0.75]])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_many_features_in_single_precision_lose_nothing(dtype: type) -> None:
    rng = np.random.default_rng(0)
    y = np.arange(20) % 4
    X = (rng.normal(size=(20, 2000)) + 0.1 * y[:, None]).astype(np.float32)
    queries = rng.normal(size=(30, 2000)).astype(np.float32)
    head = GaussianNaiveBayes(var_smoothing=0.01).fit(X.astype(dtype), y)
    double = GaussianNaiveBayes(var_smoothing=0.01).fit(X.astype(np.float64), y)
    np.testing.assert_array_equal(head.predict(queries.astype(dtype)), double.predict(queries.astype(np.float64)))
