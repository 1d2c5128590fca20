from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import multivariate_normal
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.utils.estimator_checks import parametrize_with_checks

from embedkit.heads import make_head
from embedkit.heads.discriminant import CentroidClassifier, ShrinkageDiscriminant


def draw(counts: list[int], d: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Correlated clusters with `counts` members."""
    rng = np.random.default_rng(seed)
    y = np.repeat(np.arange(len(counts)), counts)
    return rng.normal(size=(len(counts), d))[y] + rng.normal(size=(len(y), d)) @ rng.normal(size=(d, d)), y


@parametrize_with_checks(
    [
        ShrinkageDiscriminant(),
        ShrinkageDiscriminant(1.0, uniform_priors=True),
        CentroidClassifier(),
        CentroidClassifier("cosine"),
        CentroidClassifier("mahalanobis"),
    ]
)
def test_it_keeps_the_contract_of_scikit_learn(estimator: Any, check: Any) -> None:
    check(estimator)


def test_posterior_is_that_of_gaussians_with_the_shrunk_pooled_covariance() -> None:
    X, y = draw([7, 2, 1], d=4)
    means = np.stack([X[y == c].mean(axis=0) for c in range(3)])
    scatter = (X - means[y]).T @ (X - means[y])
    m, d = 10 - 3, 4
    covariance = (scatter + d * np.trace(scatter) / (m * d) * np.eye(d)) / (m + d)
    joint = np.stack([multivariate_normal(means[c], covariance).pdf(X) * np.mean(y == c) for c in range(3)], axis=1)

    head = ShrinkageDiscriminant().fit(X, y)
    np.testing.assert_allclose(head.predict_proba(X), joint / joint.sum(axis=1, keepdims=True), rtol=1e-8)
    assert head.shrinkage_ == 4 / 11


def test_one_label_per_class_is_the_nearest_mean() -> None:
    X, y = draw([1] * 10, d=64)
    queries = np.random.default_rng(1).normal(size=(300, 64)) * 5
    nearest = np.linalg.norm(queries[:, None] - X, axis=2).argmin(axis=1)
    head = ShrinkageDiscriminant().fit(X, y)
    np.testing.assert_array_equal(head.predict(queries), nearest)
    assert head.shrinkage_ == 1


def test_full_shrinkage_and_uniform_priors_give_the_nearest_mean() -> None:
    X, y = draw([20, 5, 2], d=6)
    queries = np.random.default_rng(1).normal(size=(300, 6)) * 5
    means = np.stack([X[y == c].mean(axis=0) for c in range(3)])
    nearest = np.linalg.norm(queries[:, None] - means, axis=2).argmin(axis=1)
    np.testing.assert_array_equal(ShrinkageDiscriminant(1.0, uniform_priors=True).fit(X, y).predict(queries), nearest)


def test_with_many_labels_it_becomes_plain_discriminant_analysis() -> None:
    X, y = draw([3000, 1000], d=2)
    plain = LinearDiscriminantAnalysis(solver="lsqr").fit(X, y)
    np.testing.assert_allclose(ShrinkageDiscriminant().fit(X, y).predict_proba(X), plain.predict_proba(X), atol=0.01)


def test_copies_within_classes_leave_no_variance_and_the_nearest_mean() -> None:
    head = ShrinkageDiscriminant().fit([[0.0], [0.0], [4.0], [4.0]], ["a", "a", "b", "b"])
    np.testing.assert_array_equal(head.predict([[1.9], [2.1]]), ["a", "b"])


def test_the_frequent_class_is_favoured_midway() -> None:
    head = ShrinkageDiscriminant().fit([[-3.0], [-1.0], [-3.0], [-1.0], [1.0], [3.0]], list("aaaabb"))
    np.testing.assert_allclose(head.predict_proba([[0.0]]), [[2 / 3, 1 / 3]])


def test_shift_of_the_input_does_not_matter() -> None:
    X, y = draw([5, 5, 5], d=3)
    here, there = ShrinkageDiscriminant().fit(X, y), ShrinkageDiscriminant().fit(X + 1000, y)
    np.testing.assert_allclose(there.predict_proba(X + 1000), here.predict_proba(X), atol=1e-8)


def test_decision_of_two_classes_is_the_log_odds_of_the_second() -> None:
    X, y = draw([6, 4], d=3)
    head = ShrinkageDiscriminant().fit(X, y)
    np.testing.assert_allclose(expit(head.decision_function(X)), head.predict_proba(X)[:, 1])


def test_one_class_is_an_error() -> None:
    with pytest.raises(ValueError, match="needs at least 2 classes; y holds one class"):
        ShrinkageDiscriminant().fit([[0.0], [1.0]], ["a", "a"])


@pytest.mark.parametrize("metric", ["euclidean", "cosine", "mahalanobis"])
def test_the_nearest_mean_is_by_the_metric(metric: str) -> None:
    X, y = draw([20, 5, 2], d=6)
    queries = np.random.default_rng(1).normal(size=(300, 6)) * 5
    if metric == "cosine":
        X, queries = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (X, queries))
    means = np.stack([X[y == c].mean(axis=0) for c in range(3)])
    if metric == "cosine":
        means /= np.linalg.norm(means, axis=1, keepdims=True)
    scatter = (X - means[y]).T @ (X - means[y])
    precision = np.linalg.inv(scatter + np.trace(scatter) / 24 * np.eye(6)) if metric == "mahalanobis" else np.eye(6)
    apart = queries[:, None] - means  # (300, 3, 6)
    nearest = np.einsum("qci,ij,qcj->qc", apart, precision, apart).argmin(axis=1)
    np.testing.assert_array_equal(CentroidClassifier(metric).fit(X, y).predict(queries), nearest)


def test_lengths_do_not_matter_for_the_cosine() -> None:
    X, y = draw([9, 4, 1], d=5)
    lengths = np.random.default_rng(2).uniform(0.1, 10, size=(14, 1))
    plain, scaled = (CentroidClassifier("cosine").fit(rows, y) for rows in (X, lengths * X))
    np.testing.assert_allclose(scaled.predict_proba(3 * X), plain.predict_proba(X))


def test_a_frequent_class_is_not_favoured_by_the_nearest_mean() -> None:
    head = CentroidClassifier("mahalanobis").fit([[-3.0], [-1.0], [-3.0], [-1.0], [1.0], [3.0]], list("aaaabb"))
    np.testing.assert_allclose(head.predict_proba([[0.0]]), [[1 / 2, 1 / 2]])


def test_an_unknown_metric_is_an_error() -> None:
    with pytest.raises(ValueError, match="metric must be 'euclidean', 'cosine' or 'mahalanobis', got 'cosin'"):
        CentroidClassifier("cosin").fit([[0.0], [1.0]], ["a", "b"])


@pytest.mark.parametrize("spec", ["lda", "qda", 'centroid(metric="mahalanobis")'])
def test_few_labels_of_very_wide_rows_need_no_matrix_of_features(spec: str) -> None:
    """A covariance of 86,528 features, as pool="flatten" gives them, would take 56 GiB."""
    y = np.repeat(["a", "b"], 6)
    X = np.random.default_rng(0).normal(size=(12, 86_528)).astype(np.float32)
    X[y == "b", :100] += 5
    assert (make_head(spec).fit(X, y).predict(X) == y).all()
