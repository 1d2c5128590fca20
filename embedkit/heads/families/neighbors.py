"""Heads that compare embeddings by distance."""

from __future__ import annotations

from typing import Any, Literal

from embedkit.errors import EmbedkitError
from embedkit.heads.head import Count, Head, Task


def knn(
    seed: int,
    task: Task,
    *,
    k: Count = 5,
    metric: Literal["euclidean", "cosine", "manhattan", "whitened"] = "cosine",
    weights: Literal["uniform", "distance", "softmax"] = "uniform",
) -> Any:
    """vote (or mean) of the k nearest labelled images; the nearest breaks ties"""
    from embedkit.heads.neighbors import NearestNeighborsClassifier, NearestNeighborsRegressor

    del seed
    if weights == "softmax" and metric != "cosine":
        raise EmbedkitError(f'knn: weights="softmax" are of cosine similarities; write metric="cosine", not {metric!r}')
    nearest = NearestNeighborsClassifier if task == "classification" else NearestNeighborsRegressor
    return nearest(k, metric, weights)


HEADS = {
    "knn": Head(knn, "neighbours", 2, (1.5, 0.02), grid={"k": (1, 3, 5, 10, 20)}, staged="k", gpu=True),
}
