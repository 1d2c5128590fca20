from __future__ import annotations

import numpy as np
import pytest
import torch
import torchvision
from torch import nn

from embedkit.embeddings.folding import fold_batch_norms


def with_statistics(network: nn.Module) -> nn.Module:
    generator = torch.Generator().manual_seed(0)
    for part in network.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.running_mean.normal_(generator=generator)  # type: ignore[union-attr, operator]
            part.running_var.uniform_(0.5, 2, generator=generator)  # type: ignore[union-attr, operator]
    return network.eval()


def counts(network: nn.Module) -> tuple[int, int]:
    """How many were folded, and how many are left."""
    folded = fold_batch_norms(network)
    return folded, sum(isinstance(part, nn.BatchNorm2d) for part in network.modules())


@pytest.mark.parametrize(
    ("name", "folded", "left"),
    [("resnet18", 20, 0), ("mobilenet_v3_small", 34, 0), ("shufflenet_v2_x0_5", 56, 0), ("densenet121", 59, 62)],
)
def test_a_folded_network_gives_the_same(name: str, folded: int, left: int) -> None:
    network = with_statistics(torchvision.models.get_model(name, weights=None))
    batch = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        before = network(batch)
        assert counts(network) == (folded, left)
        np.testing.assert_allclose(network(batch), before, rtol=1e-3, atol=1e-4 * float(before.abs().max()))


class Twice(nn.Module):
    """Its convolution is called with and without what follows."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        return self.norm(self.conv(batch)) + self.conv(batch)


class Looking(nn.Module):
    """Cannot be traced; a part of it can."""

    def __init__(self) -> None:
        super().__init__()
        self.part = nn.Sequential(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3))

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        return self.part(batch) if batch.sum() > 0 else batch


def test_a_convolution_that_is_also_used_alone_is_left() -> None:
    assert counts(with_statistics(Twice())) == (0, 1)


def test_parts_of_a_network_that_cannot_be_traced_are_folded() -> None:
    assert counts(with_statistics(Looking())) == (1, 0)


def test_a_convolution_whose_output_is_taken_out_is_left() -> None:
    network = with_statistics(nn.Sequential(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)))
    network[0].register_forward_hook(lambda *_: None)
    assert counts(network) == (0, 1)
