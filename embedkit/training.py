"""The one training loop: AdamW under a one-cycle schedule, a fixed number of steps, no peeking at anything held out."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn


class TrainingDiverged(Exception):
    """The loss is no longer a number."""


def train(
    network: nn.Module,
    batch_loss: Callable[[torch.Tensor], torch.Tensor],
    n: int,
    *,
    steps: int,
    batch_size: int,
    learning_rate: float,
    weight_decay: float,
    generator: torch.Generator,
    gradient_norm_max: float = math.inf,
    groups: Sequence[dict[str, Any]] | None = None,
    after_epoch: Callable[[int, float], None] = lambda step, loss: None,
) -> None:
    """Train a network in place and leave it in evaluation mode.

    Parameters
    ----------
    network : Module
        Its parameters that require a gradient are trained.
    batch_loss : callable
        From the indices of a batch, an int64 tensor (b,), to the scalar loss to be lowered.
    n : int
        How many examples there are; each epoch visits them in a new random order.
    learning_rate : float
        The peak of the one-cycle schedule (Smith and Topin 2018, arXiv:1708.07120).
    generator : torch.Generator
        The source of the order; on the CPU.
    gradient_norm_max : float
        Longer gradients are shortened to this.
    groups : sequence of dict
        In place of all parameters, groups as AdamW takes them; `rate` is a group's share of the learning rate.
    after_epoch : callable
        Told the steps done and the mean loss of the epoch.

    Raises
    ------
    TrainingDiverged
        Where the loss becomes NaN or infinite; names the step.
    """
    device = next(network.parameters()).device
    optimizer = torch.optim.AdamW(
        groups or network.parameters(),
        lr=learning_rate / 25,
        weight_decay=weight_decay,
        fused=device.type in ("cpu", "cuda"),
    )
    network.train()
    step, per_epoch = 0, math.ceil(n / batch_size)
    while step < steps:
        order = torch.randperm(n, generator=generator).to(device) if per_epoch > 1 else torch.arange(n, device=device)
        losses = []
        for batch in order.split(batch_size)[: steps - step]:
            for group in optimizer.param_groups:
                group["lr"] = group.get("rate", 1) * one_cycle(step, steps, learning_rate)
            loss = batch_loss(batch)
            optimizer.zero_grad()
            loss.backward()
            if math.isfinite(gradient_norm_max):
                nn.utils.clip_grad_norm_(network.parameters(), gradient_norm_max)
            optimizer.step()
            losses.append(loss.detach())
            step += 1
        mean_loss = float(torch.stack(losses).mean())
        if not math.isfinite(mean_loss):
            raise TrainingDiverged(f"the loss became {mean_loss} by step {step} of {steps}; lower the learning rate")
        after_epoch(step, mean_loss)
    network.eval()


def one_cycle(step: int, steps: int, peak: float) -> float:
    """Learning rate: a cosine from peak / 25 to the peak over the first 30% of the steps, then one to nearly zero."""
    rise = 0.3 * steps
    low, phase = (peak / 25, 1 - step / rise) if step < rise else (peak / 1e5, (step - rise) / (steps - rise))
    return low + (peak - low) * (1 + math.cos(math.pi * phase)) / 2
