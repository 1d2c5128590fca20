"""Pooling: from what a layer gives at each position of an image to one vector per image."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import torch

Pool = Literal["avg", "max", "gem", "flatten", "avg+max"]
GEM_POWER, GEM_MIN = 3.0, 1e-6


def pooled(features: torch.Tensor, pool: Pool, square: bool = True) -> list[torch.Tensor]:
    """One vector per image (b, d) float32, in memory of its own; two for "avg+max".

    Parameters
    ----------
    features : Tensor
        A map (b, C, h, w); tokens (b, n, C); or vectors (b, C), which stay as they are. Where images are square, a map
        whose first two axes alone are equal is (b, h, w, C), and patches are the largest square number of tokens at the
        end: class and register tokens, which come first, are left out.
    pool : {"avg", "max", "gem", "flatten", "avg+max"}
        Over positions: mean; maximum; generalised mean with p = 3, negative numbers taken as 0 (Radenovic et al.,
        "Fine-tuning CNN image retrieval with no human annotation", TPAMI 2018, eq. 3); all numbers, channel by channel;
        mean and maximum.
    square : bool
        Whether the network saw square images.
    """
    if features.ndim == 2:
        return [features.to(torch.float32, copy=True)]
    positions = _positions(features, square).float()  # (b, C, n); a half float has no room for third powers
    if pool == "flatten":
        return [positions.flatten(1).clone()]
    if pool == "gem":
        return [positions.clamp(min=GEM_MIN).pow(GEM_POWER).mean(2).pow(1 / GEM_POWER)]
    mean, most = positions.mean(2), positions.amax(2)
    return {"avg": [mean], "max": [most], "avg+max": [mean, most]}[pool]


def side_by_side(vectors: Sequence[torch.Tensor]) -> torch.Tensor:
    """One vector per image (b, d) of several, each brought to unit length; a single one stays as it is.

    Layers and pools differ in scale by factors of ten and more, and the loudest would drown the others: SqueezeNet's
    features.7 beside features.12 brings lda at 10 labels per class from 54 to 25% on photos of clothes, and each at
    unit length to 52%. Unit length needs one image only, where a scale that is fitted would need the pool.
    """
    if len(vectors) == 1:
        return vectors[0]
    return torch.cat([torch.nn.functional.normalize(rows) for rows in vectors], 1)


def _positions(features: torch.Tensor, square: bool) -> torch.Tensor:
    """(b, C, n)."""
    if features.ndim == 3:
        n = features.shape[1]
        return features[:, n - math.isqrt(n) ** 2 if square else 0 :].transpose(1, 2)
    _, first, second, third = features.shape
    return (features.movedim(3, 1) if square and first == second != third else features).flatten(2)
