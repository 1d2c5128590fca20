"""What each kind of autoencoder has to learn."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional

from embedkit.backbones.autoencoder_network import Autoencoder
from embedkit.backbones.autoencoder_recipe import Recipe
from embedkit.backbones.corruption import Corruption
from embedkit.backbones.reconstruction import distance

DIVERGENCE_SHARE = {"mse": 0.02, "bce": 1.0, "l1+ssim": 0.1}
"""Of the divergence of a variational bottleneck from a normal one, beside the sum of a loss over the pixels: 1 makes
cross-entropy the bound of Kingma and Welling (2014, arXiv:1312.6114), 0.02 squared error that of grey levels with a
standard deviation of 0.1."""


class Stage(NamedTuple):
    """What is trained at a time: all of an autoencoder, or one layer of a stacked one."""

    network: nn.Module
    loss: Callable[[torch.Tensor], torch.Tensor]
    """From a batch (b, C, h, w) in [0, 1] to what is lowered."""


def stages_of(autoencoder: Autoencoder, recipe: Recipe, chance: torch.Generator) -> Iterator[Stage]:
    """What is trained, in this order.

    Of a stacked autoencoder layer after layer learns to give back, of corrupted images, what the layers before it make
    of clean ones (Bengio et al. 2007, "Greedy layer-wise training of deep networks"; Vincent et al. 2010).
    """
    if recipe.kind != "stacked":
        yield Stage(autoencoder, partial(loss_of, autoencoder, recipe, chance))
        return
    for at, block in enumerate(autoencoder.encoder):
        pair = nn.Sequential(block, autoencoder.decoder[-1 - at])
        yield Stage(pair, partial(_loss_of_pair, pair, autoencoder.encoder[:at], recipe.corruption, chance))


def _loss_of_pair(
    pair: nn.Module, before: nn.Module, corruption: Corruption, chance: torch.Generator, clean: torch.Tensor
) -> torch.Tensor:
    corrupted, _ = corruption(clean, chance)
    with torch.no_grad():
        given, wanted = before(corrupted), before(clean).float()
    return functional.mse_loss(pair(given).float(), wanted)


def loss_of(autoencoder: Autoencoder, recipe: Recipe, chance: torch.Generator, clean: torch.Tensor) -> torch.Tensor:
    """The loss of a batch (b, C, h, w) in [0, 1], of all kinds but stacked; `chance` draws what is random."""
    corrupted, holes = recipe.corruption(clean, chance)
    if recipe.kind == "variational":
        mean, log_variance = (part.float() for part in autoencoder.distribution(corrupted))
        drawn = mean + (log_variance / 2).exp() * torch.empty_like(mean).normal_(generator=chance)
        divergence = (mean.square() + log_variance.exp() - 1 - log_variance).sum(1).mean() / 2  # eq. 10
        share = DIVERGENCE_SHARE[recipe.loss] / clean[0].numel()
        return distance(autoencoder.decoder(drawn), clean, recipe.loss).mean() + share * divergence
    apart = distance(autoencoder(corrupted), clean, recipe.loss)
    if recipe.kind == "masked" and holes is not None:
        return (apart * holes).sum() / (holes.sum().clamp(min=1) * clean.shape[1])
    return apart.mean()
