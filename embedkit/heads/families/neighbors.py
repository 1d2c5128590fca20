"""Heads that compare embeddings by distance."""

from __future__ import annotations

from typing import Any, Literal

from embedkit.heads.head import Count, Head, Task


def knn(
    seed: int, task: Task, *, k: Count = 5, metric: Literal["euclidean", "cosine", "manhattan"] = "euclidean"
) -> Any:
    """vote of the k nearest labelled images; the nearest breaks ties"""
    from embedkit.heads.neighbors import NearestNeighborsClassifier

    del seed, task
    return NearestNeighborsClassifier(n_neighbors=k, metric=metric)


HEADS = {
    "knn": Head(knn, "neighbours", 1, (1.5, 0.02), tasks=("classification",), grid={"k": (1, 3, 5, 10, 20)}),
}
