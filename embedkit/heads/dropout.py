"""Dropout at the speed of small heads."""

from __future__ import annotations

import torch
from torch import nn


class ByteDropout(nn.Module):
    """Dropout (Srivastava et al. 2014) that decides by one random byte per unit, the share rounded to 1/256.

    torch's own takes most of a small head's training step on a CPU: ``benchmarks/dropout.py`` measures both.

    Parameters
    ----------
    share : float in [0, 1)
        Of the units set to zero while training; the others are divided by what is kept.
    """

    def __init__(self, share: float) -> None:
        super().__init__()
        self.dropped = min(round(share * 256), 255)

    def forward(self, units: torch.Tensor) -> torch.Tensor:
        if not self.training or not self.dropped:
            return units
        words = torch.empty(-(-units.numel() // 8), dtype=torch.int64, device=units.device)
        chance = words.random_(-(2**63), None).view(torch.uint8)[: units.numel()].view(units.shape)
        return units * (chance >= self.dropped).to(units.dtype).mul_(256 / (256 - self.dropped))
