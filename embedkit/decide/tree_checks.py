"""Trees from a file, before a row is sent down: scikit-learn follows their nodes without looking where they lead."""

from __future__ import annotations

from typing import Any

import numpy as np


def check_trees(part: Any, n_features: int = 0) -> None:
    """Look at every tree of scikit-learn in a fitted estimator.

    Raises
    ------
    ValueError
        Where a node leads out of its tree or back up, or asks for a feature that rows do not have: to follow it would
        crash, or not end.
    """
    from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor
    from sklearn.tree._tree import Tree

    if isinstance(part, Tree):
        inner = part.children_left != -1
        _check_nodes(inner, part.children_left, part.children_right, part.feature, n_features)
    elif isinstance(part, TreePredictor):
        nodes = part.nodes
        inner = nodes["is_leaf"] == 0
        _check_nodes(inner, nodes["left"], nodes["right"], nodes["feature_idx"], n_features)
        if nodes["is_categorical"].any():
            raise ValueError("a tree asks for categories")
    elif isinstance(part, dict):
        for each in part.values():
            check_trees(each, n_features)
    elif isinstance(part, list | tuple) or (isinstance(part, np.ndarray) and part.dtype == object):
        for each in np.ravel(part) if isinstance(part, np.ndarray) else part:
            check_trees(each, n_features)
    elif hasattr(part, "get_params"):
        check_trees(vars(part), int(getattr(part, "n_features_in_", n_features)))


def _check_nodes(inner: np.ndarray, left: np.ndarray, right: np.ndarray, feature: np.ndarray, n_features: int) -> None:
    (parents,) = np.nonzero(inner)
    for children in (left[inner].astype(np.int64), right[inner].astype(np.int64)):
        if (children <= parents).any() or (children >= len(inner)).any():
            raise ValueError("a node of a tree leads nowhere")
    asked = feature[inner].astype(np.int64)
    if (asked < 0).any() or (asked >= n_features).any():
        raise ValueError("a tree asks for a feature that rows do not have")
