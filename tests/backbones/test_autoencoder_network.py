from __future__ import annotations

import pytest
import torch

from embedkit.backbones.autoencoder_network import Autoencoder
from embedkit.backbones.layers import skeleton

SHAPES = [(1, 7, 5), (3, 1, 1), (1, 2, 31), (3, 32, 20), (1, 33, 9), (5, 8, 8), (2, 64, 48)]


@pytest.mark.parametrize("shape", SHAPES)
def test_images_of_any_size_are_given_back_in_their_size(shape: tuple[int, int, int]) -> None:
    network = Autoencoder(*shape, dim=6, width=2)
    batch = torch.rand(4, *shape)
    assert network.encoder(batch).shape == (4, 6)
    assert network(batch).shape == batch.shape


@pytest.mark.parametrize(("side", "depth"), [(8, 1), (16, 2), (28, 3), (32, 3), (64, 4), (96, 5), (224, 6)])
def test_depth_follows_the_size_down_to_about_4_by_4(side: int, depth: int) -> None:
    bare = skeleton(lambda: Autoencoder(3, side, side, dim=64, width=32))
    blocks = [name for name, _ in bare.encoder.named_children()]
    assert blocks == ["stem", *(f"down{level + 1}" for level in range(depth)), "bottleneck"]
    features = bare.encoder[:-1](torch.zeros(1, 3, side, side, device="meta"))
    assert 3 <= features.shape[2] <= 4


def test_width_doubles_up_to_8_times() -> None:
    bare = skeleton(lambda: Autoencoder(3, 224, 224, dim=64, width=10))
    widths = [block[0].out_channels for block in bare.encoder[:-1]]
    assert widths == [10, 20, 40, 80, 80, 80, 80]


def test_in_a_mirror_each_block_gives_back_what_the_one_opposite_was_given() -> None:
    network, features = Autoencoder(1, 12, 10, dim=3, width=2, mirror=True), torch.rand(2, 1, 12, 10)
    for at, block in enumerate(network.encoder):
        given, features = features, block(features)
        assert network.decoder[-1 - at](features).shape == given.shape


def test_the_encoder_is_drawn_alike_whatever_the_decoder() -> None:
    def first(**settings: bool) -> torch.Tensor:
        torch.manual_seed(1)
        return Autoencoder(1, 8, 8, dim=3, width=2, **settings).encoder[-1][1].weight

    assert torch.equal(first(), first(mirror=True))
    assert torch.equal(first(), first(spread=True))


def test_the_means_of_the_distribution_are_the_embedding() -> None:
    network, batch = Autoencoder(1, 8, 8, dim=3, width=2, spread=True), torch.rand(4, 1, 8, 8)
    means, log_variances = network.distribution(batch)
    assert torch.equal(means, network.encoder(batch))
    assert log_variances.shape == (4, 3)
