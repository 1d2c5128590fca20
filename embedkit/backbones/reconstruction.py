"""How far a reconstruction is from its image, at each pixel."""

from __future__ import annotations

from typing import Literal

import torch
from torch.nn import functional

Loss = Literal["mse", "bce", "l1+ssim"]

SSIM_SHARE = 0.85
_WINDOW = 7
_C1, _C2 = 0.01**2, 0.03**2


def pixels_of(output: torch.Tensor, loss: Loss) -> torch.Tensor:
    """What a decoder trained with a loss means by its output: grey levels, mostly in [0, 1].

    SSIM needs them in there: an image and its negative below zero are alike to it.
    """
    return output if loss == "mse" else output.sigmoid()


def distance(output: torch.Tensor, clean: torch.Tensor, loss: Loss) -> torch.Tensor:
    """The loss at each pixel (b, C, h, w).

    Parameters
    ----------
    output : Tensor (b, C, h, w)
        Of the decoder.
    clean : Tensor (b, C, h, w)
        What it should be, in [0, 1].
    loss : {"mse", "bce", "l1+ssim"}
        Squared error; cross-entropy of grey levels as probabilities; 15% absolute error and 85%
        structural dissimilarity (1 - SSIM) / 2 (Zhao et al., "Loss functions for image restoration with neural
        networks", IEEE TCI 2017; the shares are those of Godard et al. 2017, arXiv:1609.03677).
    """
    output = output.float()
    if loss == "mse":
        return (output - clean).square()
    if loss == "bce":
        return functional.binary_cross_entropy_with_logits(output, clean, reduction="none")
    made = pixels_of(output, loss)
    return (1 - SSIM_SHARE) * (made - clean).abs() + SSIM_SHARE * (1 - ssim(made, clean)) / 2


def ssim(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """Structural similarity at each pixel (b, C, h, w), of windows of 7 x 7, smaller ones at the edge.

    Wang et al., "Image quality assessment: from error visibility to structural similarity", IEEE TIP 2004, eq. 13, with
    grey levels in [0, 1] and windows of equal weights.
    """

    def mean(values: torch.Tensor) -> torch.Tensor:
        return functional.avg_pool2d(values, _WINDOW, stride=1, padding=_WINDOW // 2, count_include_pad=False)

    mean_one, mean_other = mean(one), mean(other)
    variance_one = mean(one.square()) - mean_one.square()
    variance_other = mean(other.square()) - mean_other.square()
    covariance = mean(one * other) - mean_one * mean_other
    alike = (2 * mean_one * mean_other + _C1) * (2 * covariance + _C2)
    return alike / ((mean_one.square() + mean_other.square() + _C1) * (variance_one + variance_other + _C2))
