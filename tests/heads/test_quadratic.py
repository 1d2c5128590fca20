from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import multivariate_normal
from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis
from sklearn.utils.estimator_checks import parametrize_with_checks

from embedkit.heads.discriminant import ShrinkageDiscriminant
from embedkit.heads.quadratic import QuadraticDiscriminant


def draw(counts: list[int], d: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Clusters with `counts` members, each of its own covariance."""
    rng = np.random.default_rng(seed)
    rows = [rng.normal(size=d) + rng.normal(size=(count, d)) @ rng.normal(size=(d, d)) for count in counts]
    return np.concatenate(rows), np.repeat(np.arange(len(counts)), counts)


def posterior(X: np.ndarray, y: np.ndarray, own_shares: list[float]) -> np.ndarray:
    """Of Gaussians whose covariances were shrunk as they are defined, at `X`."""
    (n, d), C = X.shape, len(own_shares)
    members = [X[y == c] for c in range(C)]
    scatters = [(rows - rows.mean(axis=0)).T @ (rows - rows.mean(axis=0)) for rows in members]
    m = n - C
    pooled = sum(scatters) / m
    joint = []
    for rows, scatter, own in zip(members, scatters, own_shares, strict=True):
        mixed = (1 - own) * pooled + own * scatter / max(len(rows) - 1, 1)
        covariance = (m * mixed + d * np.trace(pooled) / d * np.eye(d)) / (m + d)
        joint.append(multivariate_normal(rows.mean(axis=0), covariance).pdf(X) * len(rows) / n)
    return np.stack(joint, axis=1) / np.sum(joint, axis=0)[:, None]


@parametrize_with_checks([QuadraticDiscriminant(), QuadraticDiscriminant(0.5)])
def test_it_keeps_the_contract_of_scikit_learn(estimator: Any, check: Any) -> None:
    check(estimator)


@pytest.mark.parametrize("d", [3, 30], ids=["more rows than features", "fewer rows than features"])
def test_posterior_is_that_of_gaussians_whose_covariances_are_shrunk_twice(d: int) -> None:
    X, y = draw([9, 4, 1], d)
    own_shares = [8 / (8 + 5 * d), 3 / (3 + 5 * d), 0]
    head = QuadraticDiscriminant().fit(X, y)
    np.testing.assert_allclose(head.predict_proba(X), posterior(X, y, own_shares), rtol=1e-6, atol=1e-12)
    np.testing.assert_allclose(head.own_shares_, own_shares)
    assert head.shrinkage_ == d / (11 + d)


def test_the_share_of_the_own_covariance_can_be_fixed() -> None:
    X, y = draw([9, 4], d=3)
    proba = QuadraticDiscriminant(0.9).fit(X, y).predict_proba(X)
    np.testing.assert_allclose(proba, posterior(X, y, [0.9, 0.9]), rtol=1e-6)


def test_one_label_per_class_is_the_nearest_mean() -> None:
    X, y = draw([1] * 10, d=64)
    queries = np.random.default_rng(1).normal(size=(300, 64)) * 5
    nearest = np.linalg.norm(queries[:, None] - X, axis=2).argmin(axis=1)
    for own_share in (None, 0.7):
        np.testing.assert_array_equal(QuadraticDiscriminant(own_share).fit(X, y).predict(queries), nearest)


@pytest.mark.parametrize("counts", [[5, 3, 1], [20, 30, 10]])
def test_without_a_share_of_the_own_covariance_it_is_linear_discriminant_analysis(counts: list[int]) -> None:
    X, y = draw(counts, d=12)
    queries = draw([50], d=12, seed=1)[0]
    quadratic, linear = QuadraticDiscriminant(0.0).fit(X, y), ShrinkageDiscriminant().fit(X, y)
    np.testing.assert_allclose(quadratic.predict_proba(queries), linear.predict_proba(queries), rtol=1e-6, atol=1e-12)


def test_with_many_labels_it_becomes_plain_quadratic_discriminant_analysis() -> None:
    X, y = draw([20_000, 10_000], d=2)
    plain = QuadraticDiscriminantAnalysis().fit(X, y)
    np.testing.assert_allclose(QuadraticDiscriminant().fit(X, y).predict_proba(X), plain.predict_proba(X), atol=0.02)


def test_a_class_inside_another_is_found_although_the_means_agree() -> None:
    rng = np.random.default_rng(0)
    X, y = np.concatenate([rng.normal(size=(200, 4)), 10 * rng.normal(size=(200, 4))]), np.repeat(["in", "out"], 200)
    head = QuadraticDiscriminant().fit(X, y)
    assert head.score(X, y) > 0.95
    assert ShrinkageDiscriminant().fit(X, y).score(X, y) < 0.7
    np.testing.assert_array_equal(head.predict([[0.0] * 4, [20.0] * 4, [-20.0] * 4]), ["in", "out", "out"])


def test_constant_features_and_copies_do_no_harm() -> None:
    X, y = draw([8, 6], d=3)
    padded = np.hstack([X, np.full((14, 2), 7.0)])
    head = QuadraticDiscriminant().fit(np.repeat(padded, 2, axis=0), np.repeat(y, 2))
    assert np.isfinite(head.predict_proba(padded)).all()
    assert head.score(padded, y) > 0.8
    equal = QuadraticDiscriminant().fit([[0.0], [0.0], [4.0], [4.0]], ["a", "a", "b", "b"])
    np.testing.assert_array_equal(equal.predict([[1.9], [2.1]]), ["a", "b"])


def test_shift_and_scale_of_the_input_do_not_matter() -> None:
    X, y = draw([6, 5, 4], d=20)
    here, there = QuadraticDiscriminant().fit(X, y), QuadraticDiscriminant().fit(100 * X + 1000, y)
    np.testing.assert_allclose(there.predict_proba(100 * X + 1000), here.predict_proba(X), atol=1e-8)


def test_decision_of_two_classes_is_the_log_odds_of_the_second() -> None:
    X, y = draw([6, 4], d=3)
    head = QuadraticDiscriminant().fit(X, y)
    np.testing.assert_allclose(expit(head.decision_function(X)), head.predict_proba(X)[:, 1], atol=1e-12)


def test_one_class_is_an_error() -> None:
    with pytest.raises(ValueError, match="needs at least 2 classes; y holds one class"):
        QuadraticDiscriminant().fit([[0.0], [1.0]], ["a", "a"])
