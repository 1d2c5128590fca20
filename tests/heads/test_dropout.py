from __future__ import annotations

import pytest
import torch

from embedkit.heads.dropout import ByteDropout


@pytest.mark.parametrize("share", [0.25, 0.5, 0.9])
def test_the_share_is_dropped_and_the_mean_is_kept(share: float) -> None:
    torch.manual_seed(0)
    dropped = ByteDropout(share)(torch.ones(1000, 333))
    assert (dropped == 0).float().mean().item() == pytest.approx(share, abs=4e-3)
    assert dropped.mean().item() == pytest.approx(1, abs=2e-2)


def test_every_place_is_dropped_alike() -> None:
    torch.manual_seed(0)
    dropped = ByteDropout(0.5)(torch.ones(20_000, 16))
    assert ((dropped == 0).float().mean(dim=0) - 0.5).abs().max().item() < 0.02


def test_nothing_is_dropped_in_evaluation_mode_or_with_a_share_of_0() -> None:
    units = torch.randn(5, 3)
    assert torch.equal(ByteDropout(0.5).eval()(units), units)
    assert torch.equal(ByteDropout(0.0)(units), units)


def test_gradients_flow_through_what_is_kept() -> None:
    torch.manual_seed(0)
    units = torch.ones(4, 7, requires_grad=True)
    dropped = ByteDropout(0.5)(units)
    dropped.sum().backward()
    assert units.grad is not None
    assert torch.equal(units.grad, dropped.detach())


def test_the_seed_decides() -> None:
    def drawn(seed: int) -> torch.Tensor:
        torch.manual_seed(seed)
        return ByteDropout(0.5)(torch.ones(50))

    assert torch.equal(drawn(1), drawn(1))
    assert not torch.equal(drawn(1), drawn(2))
