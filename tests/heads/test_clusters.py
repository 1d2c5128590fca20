from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.estimator_checks import parametrize_with_checks

from embedkit.heads.clusters import ClusterThenLabelClassifier, named


def excused(estimator: ClusterThenLabelClassifier) -> dict[str, str]:
    """scikit-learn excuses its own semi-supervised classifiers by their names."""
    return {"check_classifiers_classes": "-1 is a class there, and no label here"}


@parametrize_with_checks([ClusterThenLabelClassifier(20)], expected_failed_checks=excused)
def test_it_keeps_the_contract_of_scikit_learn(estimator: Any, check: Any) -> None:
    check(estimator)


def test_a_cluster_has_the_classes_of_its_labelled_rows_and_an_empty_one_that_of_the_nearest() -> None:
    centers = np.array([[0.0], [10.0], [20.0]], dtype=np.float32)
    shares = named(centers, np.array([[1.0], [0.5], [11.0]]), np.array([0, 1, 1]), "euclidean")
    np.testing.assert_allclose(shares, [[0.5, 0.5], [0, 1], [0, 1]], atol=1e-6)
    assert shares[0, 1] > shares[0, 0]  # nearer


def test_the_pool_decides_what_belongs_together() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 2)) + np.repeat([[0, 0], [8, 0]], 100, axis=0)
    X[0], X[100] = [3.5, 0], [12, 0]  # the border between the two labels lies inside the second group
    y = np.full(200, -1)
    y[[0, 100]] = [0, 1]
    head = ClusterThenLabelClassifier(2, metric="euclidean").fit(X, y)
    assert head.cluster_centers_.shape == (2, 2)
    assert head.score(X, np.repeat([0, 1], 100)) == 1


def test_labels_do_not_move_clusters() -> None:
    X = np.random.default_rng(0).normal(size=(200, 3))
    first, second = (ClusterThenLabelClassifier(5).fit(X, np.arange(200) % n).cluster_centers_ for n in (2, 3))
    np.testing.assert_array_equal(first, second)
