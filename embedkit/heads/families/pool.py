"""Heads that use the pool: unlabelled images beside the labelled ones."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from embedkit.errors import EmbedkitError
from embedkit.heads.head import Count, Head, Task
from embedkit.spec import Spec

Metric = Literal["cosine", "euclidean"]
InnerShare = Annotated[float, Field(gt=0, lt=1)]
CLASSES: tuple[Task, ...] = ("classification",)
INNER = Spec("lda")


def label_spreading(
    seed: int,
    task: Task,
    *,
    k: Count = 10,
    alpha: InnerShare = 0.97,
    metric: Metric = "cosine",
    class_mass: bool = True,
) -> Any:
    """labels flow along the graph of the k nearest neighbours in the pool; each image passes on a share alpha"""
    from embedkit.heads.label_graph import LabelSpreading

    del seed, task
    return LabelSpreading(k, alpha, metric=metric, class_mass=class_mass)


def label_propagation(
    seed: int, task: Task, *, k: Count = 10, metric: Metric = "cosine", class_mass: bool = True
) -> Any:
    """an unlabelled image has the mean of its k nearest neighbours in the pool; labels stand firm"""
    from embedkit.heads.label_graph import LabelPropagation

    del seed, task
    return LabelPropagation(k, metric=metric, class_mass=class_mass)


def self_training(
    seed: int, task: Task, *, head: Spec = INNER, threshold: InnerShare = 0.75, pool_max: Count = 10_000
) -> Any:
    """another head, which takes its own confident predictions for labels; on at most pool_max images of the pool"""
    from embedkit.heads import HEADS, make_head
    from embedkit.heads.self_training import SelfTrainingClassifier

    inner = make_head(head, seed, task)
    if HEADS[head.name].pool or not hasattr(inner, "predict_proba"):
        raise EmbedkitError(
            f"self_training: {head} {'uses the pool itself' if HEADS[head.name].pool else 'gives no probabilities'}; "
            "write a head that is fitted to labels and gives them: self_training(head=lda)"
        )
    return SelfTrainingClassifier(inner, threshold=threshold, pool_max=pool_max, random_state=seed)


def cluster_then_label(seed: int, task: Task, *, clusters: Count = 100, metric: Metric = "cosine") -> Any:
    """k-means clusters of the pool, each with the classes of the labelled images in it or nearest to it"""
    from embedkit.heads.clusters import ClusterThenLabelClassifier

    del seed, task
    return ClusterThenLabelClassifier(clusters, metric=metric)


def _spreading(problem: Any, candidates: Any) -> Any:
    from embedkit.heads.routes.pool import fit_spreading

    return fit_spreading(problem, candidates)


def _propagation(problem: Any, candidates: Any) -> Any:
    from embedkit.heads.routes.pool import fit_propagation

    return fit_propagation(problem, candidates)


def _clusters(problem: Any, candidates: Any) -> Any:
    from embedkit.heads.routes.pool import fit_clusters

    return fit_clusters(problem, candidates)


HEADS = {
    "label_spreading": Head(
        label_spreading,
        "pool",
        1,
        (2, 0.05),
        tasks=CLASSES,
        grid={"k": (5, 10, 20), "alpha": (0.9, 0.97, 0.99)},
        route=_spreading,
        pool=True,
        pool_ms=6,
    ),
    "label_propagation": Head(
        label_propagation,
        "pool",
        1,
        (2, 0.05),
        tasks=CLASSES,
        grid={"k": (5, 10, 20)},
        route=_propagation,
        pool=True,
        pool_ms=9,
    ),
    "self_training": Head(
        self_training, "pool", 1, (20, 0.5), deterministic=False, tasks=CLASSES, pool=True, pool_ms=50
    ),
    "cluster_then_label": Head(
        cluster_then_label,
        "pool",
        1,
        (2, 0.05),
        tasks=CLASSES,
        grid={"clusters": (30, 100, 300)},
        route=_clusters,
        pool=True,
        pool_ms=1,
    ),
}
