"""Codecs that keep the directions in which the pool varies most."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field

from embedkit.codecs.codec import Codec, PoolCodec, PoolRows
from embedkit.errors import NotApplicable
from embedkit.pool_artefacts import Arrays

Dim = Annotated[int, Field(ge=1)]
LEAST_VARIANCE = 1e-6
"""Directions that hold less than this share of the largest variance count as if they held that."""
CHUNK_NUMBERS = 2**22


def pca(*, dim: Dim = 64) -> PoolCodec:
    """coordinates on the principal axes of the pool, of the largest variance first"""
    return PoolCodec(lambda pool: _axes("pca", dim, pool), lambda learnt: _projection(learnt["mean"], learnt["axes"]))


def whiten(*, dim: Dim = 64) -> PoolCodec:
    """coordinates on the principal axes of the pool, each divided by its standard deviation there"""

    def fitted(learnt: Arrays) -> Codec:
        variances = learnt["variances"]
        return _projection(learnt["mean"], learnt["axes"] / np.sqrt(variances.clip(LEAST_VARIANCE * variances[0])))

    return PoolCodec(lambda pool: _axes("whiten", dim, pool), fitted)


def _axes(name: str, dim: int, pool: PoolRows) -> Arrays:
    """Mean (d,), the first principal axes (d, dim) and their variances (dim,), all float64.

    Mean and covariance are summed in float64, chunk by chunk. An axis points to where its largest number is positive.
    """
    n, d, total = 0, 0, np.float64(0)
    for chunk in pool.chunks():
        n, d, total = n + len(chunk), chunk.shape[1], total + chunk.sum(axis=0, dtype=np.float64)
    if n and dim > d:
        raise NotApplicable(f"{name}(dim={dim}): an embedding has {d} numbers; write dim={d} or less")
    if dim >= n:
        raise NotApplicable(
            f"{name}(dim={dim}): {n} images of the pool span {max(n - 1, 0)} directions; "
            f"write dim={max(n - 1, 1)} or less, or add unlabelled images"
        )
    mean = total / n
    scatter = np.zeros((d, d))
    for chunk in pool.chunks():
        centred = chunk - mean
        scatter += centred.T @ centred
    variances, axes = np.linalg.eigh(scatter / n)
    if not variances[-1] > 0:
        raise NotApplicable(f"{name}: all embeddings of the pool are equal")
    axes = axes[:, ::-1][:, :dim]
    largest = np.abs(axes).argmax(axis=0)
    return {
        "mean": mean,
        "axes": axes * np.sign(axes[largest, np.arange(dim)]),
        "variances": variances[::-1][:dim].clip(0),
    }


def _projection(mean: np.ndarray, axes: np.ndarray) -> Codec:
    size = max(1, CHUNK_NUMBERS // len(mean))

    def encode(X: np.ndarray) -> np.ndarray:
        encoded = np.empty((len(X), axes.shape[1]), dtype=np.float32)
        for start in range(0, len(X), size):
            encoded[start : start + size] = (X[start : start + size] - mean) @ axes
        return encoded

    return Codec(encode, decode=lambda X: X)
