from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.gaussian_process import GaussianProcessRegressor as Reference
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel
from sklearn.utils.estimator_checks import parametrize_with_checks

from embedkit.heads.gaussian_process import GaussianProcessClassifier, GaussianProcessRegressor


@pytest.fixture
def wave() -> tuple[np.ndarray, np.ndarray]:
    """Rows (40, 1) and a sine of them with noise of 0.1."""
    rng = np.random.default_rng(0)
    X = rng.uniform(-3, 3, size=(40, 1))
    return X, np.sin(2 * X[:, 0]) + 0.1 * rng.normal(size=40)


def clusters(counts: list[int], d: int = 8, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    y = np.repeat(np.arange(len(counts)), counts)
    return 3 * np.random.default_rng(9).normal(size=(len(counts), d))[y] + np.random.default_rng(seed).normal(
        size=(len(y), d)
    ), y


@parametrize_with_checks([GaussianProcessRegressor(), GaussianProcessClassifier()])
def test_it_keeps_the_contract_of_scikit_learn(estimator: Any, check: Any) -> None:
    check(estimator)


def test_mean_deviation_and_likelihood_are_those_of_scikit_learn(wave: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = wave
    ours = GaussianProcessRegressor(0.3, 0.1).fit(X, y)
    queries = np.linspace(-4, 4, 50)[:, None]
    variance = ours.kernel_variance_
    kernel = ConstantKernel(variance) * RBF(ours.length_scale_) + WhiteKernel(0.1 * variance)
    reference = Reference(kernel, optimizer=None, alpha=0, normalize_y=True).fit(X, y)
    for mine, theirs in zip(
        ours.predict(queries, return_std=True), reference.predict(queries, return_std=True), strict=True
    ):
        np.testing.assert_allclose(mine, theirs, rtol=1e-6, atol=1e-8)
    assert ours.log_marginal_likelihood_value_ == pytest.approx(reference.log_marginal_likelihood_value_)


def test_no_other_variance_of_the_kernel_is_likelier(wave: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = wave
    ours = GaussianProcessRegressor(0.3, 0.1).fit(X, y)
    for factor in (0.9, 1.1):
        kernel = ConstantKernel(factor * ours.kernel_variance_) * RBF(ours.length_scale_)
        kernel += WhiteKernel(factor * 0.1 * ours.kernel_variance_)
        other = Reference(kernel, optimizer=None, alpha=0, normalize_y=True).fit(X, y)
        assert other.log_marginal_likelihood_value_ < ours.log_marginal_likelihood_value_


def test_it_takes_the_likeliest_of_the_grid(wave: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = wave
    chosen = GaussianProcessRegressor().fit(X, y)
    values = [
        GaussianProcessRegressor(length_scale, noise).fit(X, y).log_marginal_likelihood_value_
        for length_scale in (1, 2, 4)
        for noise in (0.01, 0.03, 0.1, 0.3, 1)
    ]
    assert chosen.log_marginal_likelihood_value_ == max(values)


def test_without_noise_it_goes_through_the_targets(wave: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = wave[0][:12], wave[1][:12]
    mean, std = GaussianProcessRegressor(0.2, 1e-9).fit(X, y).predict(X, return_std=True)
    np.testing.assert_allclose(mean, y, atol=1e-4)
    np.testing.assert_allclose(std, 0, atol=1e-3)


def test_far_from_all_rows_it_predicts_the_mean() -> None:
    head = GaussianProcessRegressor(1.0, 0.1).fit([[0.0], [1.0], [2.0]], [1.0, 2.0, 6.0])
    np.testing.assert_allclose(head.predict([[1e6]]), 3)


def test_the_length_scale_is_in_units_of_the_median_distance() -> None:
    head = GaussianProcessRegressor(2.0, 0.1).fit([[0.0], [1.0], [3.0]], [1.0, 2.0, 6.0])  # 1, 2 and 3 apart
    assert head.length_scale_ == pytest.approx(4)


def test_units_of_rows_and_targets_do_not_matter(wave: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = wave
    plain, other = GaussianProcessRegressor().fit(X, y), GaussianProcessRegressor().fit(1000 * X, 1e-3 * y + 7)
    np.testing.assert_allclose((other.predict(1000 * X) - 7) * 1e3, plain.predict(X), atol=1e-8)


@pytest.mark.parametrize("counts", [[1, 1, 1], [2, 2, 2], [30, 5, 10]])
def test_clusters_are_told_apart(counts: list[int]) -> None:
    head = GaussianProcessClassifier().fit(*clusters(counts))
    assert head.score(*clusters([50] * 3, seed=1)) > 0.95


def test_probabilities_are_the_chances_of_the_regressions_of_the_indicators_to_exceed_one_half() -> None:
    X, y = clusters([6, 6, 6])
    queries = clusters([9] * 3, seed=1)[0]
    head = GaussianProcessClassifier(1.0, 0.3).fit(X, y)
    variance = head.kernel_variance_
    kernel = ConstantKernel(variance) * RBF(head.length_scale_) + WhiteKernel(0.3 * variance)
    mean, std = (
        Reference(kernel, optimizer=None, alpha=0).fit(X, np.eye(3)[y] - 1 / 3).predict(queries, return_std=True)
    )
    chances = norm.cdf((mean + 1 / 3 - 1 / 2) / std)
    np.testing.assert_allclose(head.predict_proba(queries), chances / chances.sum(axis=1, keepdims=True), rtol=1e-6)


def test_equal_rows_and_copies_do_no_harm() -> None:
    X, y = clusters([3, 3])
    assert GaussianProcessClassifier().fit(np.repeat(X, 2, axis=0), np.repeat(y, 2)).score(X, y) == 1
    np.testing.assert_allclose(GaussianProcessRegressor().fit(np.ones((3, 2)), [1, 2, 3]).predict([[1, 1]]), 2)


def test_one_class_is_an_error() -> None:
    with pytest.raises(ValueError, match="needs at least 2 classes; y holds one class"):
        GaussianProcessClassifier().fit([[0.0], [1.0]], ["a", "a"])
