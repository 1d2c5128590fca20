from __future__ import annotations

from typing import Any

import torch

from embedkit.backbones.autoencoder_recipe import Kind, Recipe
from embedkit.backbones.objectives import loss_of, stages_of


def small(kind: Kind, **params: Any) -> Recipe:
    return Recipe(input=(1, 8, 8), epochs=1, trained_on="", dim=8, width=4, kind=kind, **params)


def test_a_masked_one_is_judged_in_the_holes_only() -> None:
    recipe = small("masked", drop=0.5)
    network, clean = recipe.untrained(), torch.rand(6, 1, 8, 8)
    _, holes = recipe.corruption(clean, torch.Generator().manual_seed(4))
    assert holes is not None
    seen = clean.masked_fill(holes, 0)
    expected = (network(seen) - clean)[holes].square().mean()
    found = loss_of(network, recipe, torch.Generator().manual_seed(4), clean)
    torch.testing.assert_close(found, expected)


def test_the_divergence_of_a_variational_one_is_that_from_a_normal_distribution() -> None:
    recipe = small("variational", loss="bce")
    network, clean = recipe.untrained(), torch.rand(6, 1, 8, 8)
    chance = torch.Generator().manual_seed(4)
    mean, log_variance = network.distribution(clean)
    normal = torch.distributions.Normal
    drawn = normal(mean, (log_variance / 2).exp())
    divergence = torch.distributions.kl_divergence(drawn, normal(torch.zeros(8), torch.ones(8))).sum(1).mean()
    sample = mean + (log_variance / 2).exp() * torch.empty_like(mean).normal_(generator=chance)
    entropy = torch.nn.functional.binary_cross_entropy_with_logits(network.decoder(sample), clean)
    found = loss_of(network, recipe, torch.Generator().manual_seed(4), clean)
    torch.testing.assert_close(found, entropy + divergence / 64)


def test_a_stacked_one_is_trained_layer_by_layer_to_give_back_what_the_layers_before_make_of_clean_images() -> None:
    recipe = small("stacked", noise=0.2)
    network, clean = recipe.untrained(), torch.rand(6, 1, 8, 8)
    stages = list(stages_of(network, recipe, torch.Generator().manual_seed(4)))
    assert len(stages) == 3
    corrupted, _ = recipe.corruption(clean, torch.Generator().manual_seed(4))
    stem, down, _ = network.encoder
    expected = (network.decoder[1](down(stem(corrupted))) - stem(clean)).square().mean()
    loss = stages[1].loss(clean)
    torch.testing.assert_close(loss, expected)
    loss.backward()
    assert stem[0].weight.grad is None
    assert down[0].weight.grad is not None
