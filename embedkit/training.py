"""The one training loop: AdamW under a one-cycle schedule, a fixed number of steps, no peeking at anything held out."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal

import torch
from torch import nn

from embedkit.checkpoints import Checkpoint, Curve

Precision = Literal["float32", "bfloat16"]
NEWS_S = 5.0


def has_bfloat16(device: str) -> bool:
    """Whether a device is made for bfloat16."""
    if device.startswith("cuda"):
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


class TrainingDiverged(Exception):
    """The loss is no longer a number."""


def train(
    network: nn.Module,
    batch_loss: Callable[[Any], torch.Tensor],
    n: int,
    *,
    steps: int,
    batch_size: int,
    learning_rate: float,
    weight_decay: float,
    generator: torch.Generator,
    gradient_norm_max: float = math.inf,
    groups: Sequence[dict[str, Any]] | None = None,
    precision: Precision = "float32",
    batches: Callable[[Iterable[torch.Tensor]], Iterable[Any]] = iter,
    checkpoint: Checkpoint | None = None,
    after_epoch: Callable[[int, float], None] = lambda step, loss: None,
    meanwhile: Callable[[int, float], None] = lambda step, loss: None,
) -> Curve:
    """Train a network in place and leave it in evaluation mode; returns the loss curve.

    Parameters
    ----------
    network : Module
        Its parameters that require a gradient are trained.
    batch_loss : callable
        From a batch to the scalar loss to be lowered.
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
    precision : {"float32", "bfloat16"}
        What convolutions and products are computed in (torch.autocast); the weights are float32.
    batches : callable
        From the indices of an epoch's batches, int64 tensors (b,), to what `batch_loss` gets, in the same order; may
        work ahead. Without it that is the indices themselves.
    checkpoint : Checkpoint, optional
        Where training was stopped before, it goes on from there, and ends at the same weights.
    after_epoch : callable
        Told the steps done and the mean loss of the epoch.
    meanwhile : callable
        Told the steps done and the loss of the last batch, every five seconds within an epoch.

    Returns
    -------
    list of (int, float)
        After each epoch the steps done, and its mean loss.

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
    step, curve = checkpoint.resume(network, optimizer, generator) if checkpoint else (0, [])
    network.train()
    per_epoch, told = math.ceil(n / batch_size), time.monotonic()
    while step < steps:
        order = torch.randperm(n, generator=generator).to(device) if per_epoch > 1 else torch.arange(n, device=device)
        losses = []
        for batch in batches(order.split(batch_size)[: steps - step]):
            for group in optimizer.param_groups:
                group["lr"] = group.get("rate", 1) * one_cycle(step, steps, learning_rate)
            with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16"):
                loss = batch_loss(batch)
            optimizer.zero_grad()
            loss.backward()
            if math.isfinite(gradient_norm_max):
                nn.utils.clip_grad_norm_(network.parameters(), gradient_norm_max)
            optimizer.step()
            losses.append(loss.detach())
            step += 1
            if time.monotonic() - told > NEWS_S:
                meanwhile(step, float(losses[-1]))
                told = time.monotonic()
        _check_finite(losses, step, steps, learning_rate, checkpoint)
        curve.append((step, float(torch.stack(losses).mean())))
        after_epoch(*curve[-1])
        if checkpoint:
            checkpoint.keep(step, curve, network, optimizer, generator, is_last=step == steps)
    network.eval()
    return curve


def _check_finite(
    losses: list[torch.Tensor], step: int, steps: int, learning_rate: float, checkpoint: Checkpoint | None
) -> None:
    values = torch.stack(losses)
    wrong = (~values.isfinite()).nonzero()
    if len(wrong):
        first = int(wrong[0])
        kept = f" (it is {learning_rate:g}); {checkpoint.kept()}" if checkpoint else ""
        raise TrainingDiverged(
            f"the loss became {float(values[first])} at step {step - len(losses) + first + 1} of {steps}; "
            f"lower the learning rate{kept}"
        )


def one_cycle(step: int, steps: int, peak: float) -> float:
    """Learning rate: a cosine from peak / 25 to the peak over the first 30% of the steps, then one to nearly zero."""
    rise = 0.3 * steps
    low, phase = (peak / 25, 1 - step / rise) if step < rise else (peak / 1e5, (step - rise) / (steps - rise))
    return low + (peak - low) * (1 + math.cos(math.pi * phase)) / 2
