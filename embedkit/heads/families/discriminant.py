"""Heads that model each class as a Gaussian, or by its mean alone."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from embedkit.heads.head import Head, Positive, Task, scaled

CLASSES: tuple[Task, ...] = ("classification",)

AboveZeroToOne = Annotated[float, Field(gt=0, le=1)]


def lda(seed: int, task: Task, *, shrinkage: AboveZeroToOne | Literal["auto"] = "auto") -> Any:
    """linear discriminant analysis with a shrunken pooled covariance"""
    from embedkit.heads.discriminant import ShrinkageDiscriminant

    del seed, task
    return scaled(ShrinkageDiscriminant(None if shrinkage == "auto" else shrinkage))


def qda(seed: int, task: Task) -> Any:
    """quadratic discriminant analysis, each class's covariance shrunk to the pooled one and to the identity"""
    from embedkit.heads.quadratic import QuadraticDiscriminant

    del seed, task
    return scaled(QuadraticDiscriminant())


def gaussian_nb(seed: int, task: Task, *, var_smoothing: Positive = 0.01) -> Any:
    """naive Bayes with a Gaussian for each feature and class"""
    from embedkit.heads.naive_bayes import GaussianNaiveBayes

    del seed, task
    return scaled(GaussianNaiveBayes(var_smoothing=var_smoothing))


def centroid(seed: int, task: Task, *, metric: Literal["euclidean", "cosine", "mahalanobis"] = "euclidean") -> Any:
    """nearest class mean: euclidean, cosine, or mahalanobis with a shrunken covariance"""
    from embedkit.heads.discriminant import CentroidClassifier

    del seed, task
    return scaled(CentroidClassifier(metric))


HEADS = {
    "lda": Head(lda, "discriminant", 1, (2, 0.05), tasks=CLASSES),
    "qda": Head(qda, "discriminant", 1, (10, 0.5), tasks=CLASSES),
    "gaussian_nb": Head(gaussian_nb, "discriminant", 1, (2, 0.05), tasks=CLASSES),
    "centroid": Head(
        centroid, "neighbours", 1, (2, 0.05), tasks=CLASSES, grid={"metric": ("euclidean", "cosine", "mahalanobis")}
    ),
}
