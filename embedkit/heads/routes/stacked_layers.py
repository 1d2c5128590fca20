"""Fully connected heads for a GPU: networks of one shape are stacked, and train as one program.

A small network leaves a GPU idle between its many short steps; a stack of those of all draws and folds is as many
steps. On a CPU single fits are faster.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from embedkit.heads import HEADS
from embedkit.heads.fully_connected import Lesson, follow_schedule, layers, seeded
from embedkit.heads.problem import Predict, Problem, predicted, unfitted
from embedkit.heads.routes import Fit

STACK_NUMBERS = 2**28
"""Inputs of one program hold at most so many numbers (1 GiB)."""


def fit_all(fits: Sequence[Fit]) -> list[Predict]:
    """Every candidate of every problem. Networks that share a program also share the order of their batches."""
    stacks: dict[tuple[Any, ...], list[tuple[Any, Lesson]]] = {}
    made = []
    for fit in fits:
        pipelines = [unfitted(HEADS[fit.name], fit.problem, params) for params in fit.candidates]
        for scaler, head in pipelines:
            lesson = head._lesson(scaler.fit_transform(fit.problem.X), fit.problem.y)
            schedule = {key: value for key, value in head.get_params().items() if key != "random_state"}
            alike = (*schedule.values(), *lesson.inputs.shape, lesson.n_outputs)
            stacks.setdefault(alike, []).append((head, lesson))
        made.append(pipelines)
    for stack in stacks.values():
        size = max(1, STACK_NUMBERS // stack[0][1].inputs.numel())
        for start in range(0, len(stack), size):
            train_together(stack[start : start + size])
    return [_predict(fit.problem, pipelines) for fit, pipelines in zip(fits, made, strict=True)]


def _predict(problem: Problem, pipelines: Sequence[Any]) -> Predict:
    return lambda queries: [predicted(pipeline, queries.X, problem) for pipeline in pipelines]


def train_together(stack: Sequence[tuple[Any, Lesson]]) -> None:
    """Set ``network_`` and ``n_iter_`` of heads with equal parameters and lessons of equal shape."""
    networks = []
    for head, lesson in stack:
        with seeded(head, lesson):
            networks.append(layers(head, lesson.inputs.shape[1], lesson.n_outputs))
    head, lesson = stack[0]
    inputs = torch.stack([lesson.inputs for _, lesson in stack])  # (m, n, d)
    targets = torch.stack([lesson.targets for _, lesson in stack])
    stacked = StackedLayers(networks)

    def batch_loss(batch: torch.Tensor) -> torch.Tensor:
        outputs = stacked(inputs[:, batch])
        return len(stack) * lesson.criterion(outputs.flatten(0, 1), targets[:, batch].flatten(0, 1))

    with seeded(head, lesson):
        follow_schedule(head, lesson, stacked, batch_loss)
    stacked.copy_into(networks)
    for (each, _), network in zip(stack, networks, strict=True):
        each.network_, each.n_iter_ = network.eval(), lesson.steps


class StackedLayers(nn.Module):
    """Networks of equal shape side by side: from (m, b, d) to (m, b, n_outputs)."""

    def __init__(self, networks: Sequence[nn.Sequential]) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *(
                StackedLinear([network[at] for network in networks]) if isinstance(layer, nn.Linear) else layer
                for at, layer in enumerate(networks[0])
            )
        )

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        return self.layers(batch)

    def copy_into(self, networks: Sequence[nn.Sequential]) -> None:
        """Give each network its weights."""
        for at, layer in enumerate(self.layers):
            if isinstance(layer, StackedLinear):
                for place, network in enumerate(networks):
                    network[at].weight.data = layer.weight.data[place].T.contiguous()
                    network[at].bias.data = layer.bias.data[place, 0].contiguous()


class StackedLinear(nn.Module):
    """Linear layers of equal shape side by side."""

    def __init__(self, layers: Sequence[Any]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.stack([layer.weight.detach().T for layer in layers]))  # (m, d, n_outputs)
        self.bias = nn.Parameter(torch.stack([layer.bias.detach()[None] for layer in layers]))  # (m, 1, n_outputs)

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        return torch.baddbmm(self.bias, batch, self.weight)
