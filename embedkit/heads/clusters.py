"""Cluster-then-label: groups that the pool falls into, named by the labelled rows in them."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.cluster import MiniBatchKMeans
from sklearn.preprocessing import normalize
from sklearn.utils.validation import check_is_fitted

from embedkit.heads.finite import validate_rows
from embedkit.heads.neighbors import nearest
from embedkit.heads.targets import classes_and_codes_of_labelled

VERSION = 1
METRICS = ("euclidean", "cosine")
SEED = 0
"""Clusters follow from the rows alone: all draws of labels share them."""


class ClusterThenLabelClassifier(ClassifierMixin, BaseEstimator):
    """k-means on all rows; a cluster has the classes of its labelled rows, one without any that of the nearest.

    Parameters
    ----------
    n_clusters : int
        With fewer rows, each is a cluster.
    metric : {"cosine", "euclidean"}
        "cosine": rows are brought to unit length.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Without the -1 of unlabelled rows.
    cluster_centers_ : ndarray of shape (n_clusters, d)
    label_distributions_ : ndarray of shape (n_clusters, n_classes)
        Of the clusters.
    """

    def __init__(self, n_clusters: int = 100, *, metric: str = "cosine") -> None:
        self.n_clusters = n_clusters
        self.metric = metric

    def fit(self, X: Any, y: Any) -> ClusterThenLabelClassifier:
        """Fit to `X` (n, d) and `y` (n,), where -1 marks rows without a label."""
        X, y = validate_rows(self, X, y, dtype=(np.float64, np.float32))
        if self.metric not in METRICS:
            raise ValueError(f"metric must be one of {', '.join(METRICS)}, got {self.metric!r}")
        self.classes_, codes = classes_and_codes_of_labelled(self, y)
        self.cluster_centers_ = cluster_centers(X, self.n_clusters, self.metric)
        labelled = codes >= 0
        self.label_distributions_ = named(self.cluster_centers_, X[labelled], codes[labelled], self.metric)
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Distribution of the nearest cluster, (n, n_classes)."""
        check_is_fitted(self)
        X = validate_rows(self, X, dtype=(np.float64, np.float32), reset=False)
        return self.label_distributions_[nearest_clusters(self.cluster_centers_, X, self.metric)]

    def predict(self, X: Any) -> np.ndarray:
        """The most probable class."""
        best = self.predict_proba(X).argmax(axis=1)
        return self.classes_[best]


def cluster_centers(X: np.ndarray, n_clusters: int, metric: str) -> np.ndarray:
    """Centres of the clusters of rows (n, d), (n_clusters, d) float32."""
    seen = _seen_by(metric, X)
    if len(X) <= n_clusters:
        return seen
    return MiniBatchKMeans(n_clusters, random_state=SEED, n_init=3, batch_size=4096).fit(seen).cluster_centers_


def nearest_clusters(centers: np.ndarray, X: np.ndarray, metric: str) -> np.ndarray:
    """The cluster of each row, (n,)."""
    return nearest(centers, _seen_by(metric, X), 1, "euclidean")[0][:, 0]


def named(centers: np.ndarray, X: np.ndarray, codes: np.ndarray, metric: str) -> np.ndarray:
    """Distributions of classes in the clusters, (n_clusters, n_classes), from labelled rows (n, d).

    Among classes with equally many rows in a cluster, that of the row nearest to its centre wins.
    """
    X = _seen_by(metric, X)
    cluster, distance = (each[:, 0] for each in nearest(centers, X, 1, "euclidean"))
    votes = np.zeros((len(centers), codes.max() + 1))
    rank = np.argsort(np.argsort(distance, kind="stable"))
    np.add.at(votes, (cluster, codes), 1 + 1e-6 * (1 - rank / len(codes)))
    (empty,) = np.nonzero(votes.sum(axis=1) == 0)
    votes[empty, codes[nearest(X, centers[empty], 1, "euclidean")[0][:, 0]]] = 1
    return votes / votes.sum(axis=1, keepdims=True)


def _seen_by(metric: str, X: np.ndarray) -> np.ndarray:
    return (normalize(X) if metric == "cosine" else X).astype(np.float32, copy=False)
