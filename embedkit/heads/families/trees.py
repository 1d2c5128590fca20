"""Heads made of trees."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from embedkit.heads.head import Count, Head, Positive, Task


def forest(seed: int, task: Task, *, trees: Count = 100) -> Any:
    """random forest"""
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    built = RandomForestClassifier if task == "classification" else RandomForestRegressor
    return built(n_estimators=trees, n_jobs=1, random_state=seed)


def xgboost(
    seed: int,
    task: Task,
    *,
    trees: Count = 100,
    max_depth: Count = 2,
    learning_rate: Positive = 0.1,
    colsample: Annotated[float, Field(gt=0, le=1)] | Literal["sqrt"] = "sqrt",
) -> Any:
    """gradient-boosted trees"""
    from embedkit.heads.trees import XGBoostClassifier, XGBoostRegressor

    return (XGBoostClassifier if task == "classification" else XGBoostRegressor)(
        trees, max_depth=max_depth, learning_rate=learning_rate, colsample_bytree=colsample, random_state=seed
    )


def _staged(problem: Any, candidates: Any) -> Any:
    from embedkit.heads.routes.staged import fit_all

    return fit_all(HEADS["xgboost"], "trees", problem, candidates)


HEADS = {
    "forest": Head(forest, "trees", 1, (87, 1.5), deterministic=False),
    "xgboost": Head(xgboost, "trees", 1, (26, 2.0), deterministic=False, grid={"trees": (50, 100, 200)}, route=_staged),
}
