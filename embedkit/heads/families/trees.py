"""Heads made of trees."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from embedkit.heads.head import Count, Head, Positive, Task

MaxFeatures = Annotated[float, Field(gt=0, le=1)] | Literal["auto", "sqrt"]
"""Looked at for each split: a share, or their square root; "auto": the root for classes, a third for numbers."""


def tree(seed: int, task: Task) -> Any:
    """a single decision tree"""
    from embedkit.heads.decision_trees import DecisionTreeClassifier, DecisionTreeRegressor

    return (DecisionTreeClassifier if task == "classification" else DecisionTreeRegressor)(random_state=seed)


def forest(seed: int, task: Task, *, trees: Count = 300, max_features: MaxFeatures = "auto") -> Any:
    """random forest"""
    from embedkit.heads.decision_trees import RandomForestClassifier, RandomForestRegressor

    built = RandomForestClassifier if task == "classification" else RandomForestRegressor
    return built(trees, max_features=_for_task(max_features, task), n_jobs=1, random_state=seed)


def extra_trees(seed: int, task: Task, *, trees: Count = 300, max_features: MaxFeatures = "auto") -> Any:
    """extremely randomised trees"""
    from embedkit.heads.decision_trees import ExtraTreesClassifier, ExtraTreesRegressor

    built = ExtraTreesClassifier if task == "classification" else ExtraTreesRegressor
    return built(trees, max_features=_for_task(max_features, task), n_jobs=1, random_state=seed)


def _for_task(max_features: float | str, task: Task) -> float | str:
    """For numbers a third had a mean error 2 to 37% lower than the root, on images carved from training sets."""
    if max_features != "auto":
        return max_features
    return "sqrt" if task == "classification" else 1 / 3


def hist_gradient_boosting(
    seed: int,
    task: Task,
    *,
    trees: Count = 100,
    max_depth: Count = 2,
    learning_rate: Positive = 0.1,
    max_features: Annotated[float, Field(gt=0, le=1)] = 0.05,
) -> Any:
    """gradient-boosted trees of scikit-learn, with leaves as small as one image"""
    from embedkit.heads.decision_trees import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    built = HistGradientBoostingClassifier if task == "classification" else HistGradientBoostingRegressor
    return built(
        max_iter=trees,
        max_depth=max_depth,
        learning_rate=learning_rate,
        max_features=max_features,
        max_bins=32,
        min_samples_leaf=1,
        l2_regularization=1.0,
        early_stopping=False,
        random_state=seed,
    )


def xgboost(
    seed: int,
    task: Task,
    *,
    trees: Count = 100,
    max_depth: Count = 2,
    learning_rate: Positive = 0.1,
    colsample: MaxFeatures = "auto",
) -> Any:
    """gradient-boosted trees"""
    from embedkit.heads.trees import XGBoostClassifier, XGBoostRegressor

    return (XGBoostClassifier if task == "classification" else XGBoostRegressor)(
        trees,
        max_depth=max_depth,
        learning_rate=learning_rate,
        colsample_bytree=_for_task(colsample, task),
        random_state=seed,
    )


CLASSES_MAX = 300
"""With one label in each class Gini's impurity calls all splits equal, and trees split off image after image: a forest
takes minutes for 1,000 classes. (The entropy would not, but from 5 labels per class on it costs 1 point.)"""

HEADS = {
    "tree": Head(tree, "trees", 1, (2, 1), deterministic=False, n_classes_max=CLASSES_MAX),
    "forest": Head(forest, "trees", 3, (260, 4.5), deterministic=False, n_classes_max=CLASSES_MAX),
    "extra_trees": Head(extra_trees, "trees", 2, (220, 2), deterministic=False),
    "hist_gradient_boosting": Head(hist_gradient_boosting, "trees", 2, (160, 4), deterministic=False),
    "xgboost": Head(
        xgboost,
        "trees",
        2,
        (26, 2.0),
        deterministic=False,
        grid={"trees": (50, 100, 200)},
        staged="trees",
        loss="log_loss",
    ),
}
