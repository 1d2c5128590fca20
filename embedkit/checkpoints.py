"""Checkpoints: where a training that was killed goes on from, to the same weights as one that was not."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import nn

from embedkit import artefacts

Curve = list[tuple[int, float]]
"""After each epoch the steps done, and its mean loss."""


class Checkpoint:
    """The state of one training in a file: weights, optimiser, chance and loss curve, as tensors (no pickle).

    Parameters
    ----------
    file : Path
        Replaced as a whole each time, so that a kill leaves the old one or the new one.
    chance : mapping of torch.Generator
        What the training draws from, besides the order of the examples.
    every_s : float
        At the end of an epoch the state is written if the last time is so long ago.
    """

    def __init__(self, file: Path, chance: Mapping[str, torch.Generator] | None = None, every_s: float = 60.0) -> None:
        self.file = file
        self._chance = dict(chance or {})
        self._every_s = every_s
        self._written = time.monotonic()
        self._step = 0

    def resume(self, network: nn.Module, optimizer: torch.optim.Optimizer, order: torch.Generator) -> tuple[int, Curve]:
        """Bring everything to where the file left it; returns the steps done and the loss curve.

        Without a file, or with a damaged one, everything stays as it is, at the beginning.
        """
        try:
            kept = load_file(self.file)
        except (FileNotFoundError, SafetensorError):
            return 0, []
        network.load_state_dict(_under("network.", kept))
        for at, parameter in enumerate(_parameters(optimizer)):
            for name, value in _under(f"optimizer.{at}.", kept).items():
                like = (
                    torch.empty_like(parameter)
                    if value.shape == parameter.shape
                    else torch.empty((), device=parameter.device)
                )
                optimizer.state[parameter][name] = like.copy_(value)
        for name, generator in self._generators(order).items():
            generator.set_state(kept[f"chance.{name}"])
        self._step = int(kept["step"])
        return self._step, [(int(step), loss) for step, loss in kept["curve"].tolist()]

    def keep(
        self,
        step: int,
        curve: Curve,
        network: nn.Module,
        optimizer: torch.optim.Optimizer,
        order: torch.Generator,
        *,
        is_last: bool,
    ) -> None:
        """Write the state if it is time to, or training is done; never one with weights that are no numbers."""
        if not is_last and time.monotonic() - self._written < self._every_s:
            return
        state = {f"network.{name}": value for name, value in network.state_dict().items()}
        if not all(value.isfinite().all() for value in state.values()):
            return
        for at, parameter in enumerate(_parameters(optimizer)):
            state |= {f"optimizer.{at}.{name}": value for name, value in optimizer.state[parameter].items()}
        state |= {f"chance.{name}": generator.get_state() for name, generator in self._generators(order).items()}
        state |= {"step": torch.tensor(step), "curve": torch.tensor(curve, dtype=torch.float64)}
        artefacts.write_atomically(self.file, save({name: value.contiguous() for name, value in state.items()}))
        self._step, self._written = step, time.monotonic()

    def kept(self) -> str:
        """What there is, in words for an error."""
        return f"the state after step {self._step} is kept in {self.file}" if self._step else "no state was kept before"

    def _generators(self, order: torch.Generator) -> dict[str, torch.Generator]:
        return {"order": order, **self._chance}


def _parameters(optimizer: torch.optim.Optimizer) -> list[nn.Parameter]:
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]


def _under(prefix: str, kept: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name.removeprefix(prefix): value for name, value in kept.items() if name.startswith(prefix)}
