"""Limited-memory BFGS for many functions at once, each with parameters of its own."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import torch

Function = Callable[[torch.Tensor], tuple[torch.Tensor, torch.Tensor]]
"""From parameters (m, p) to values (m,) and gradients (m, p); row i depends on row i only."""

MEMORY = 10
DECREASE = 1e-4
HALVINGS_MAX = 30


def minimise(function: Function, start: torch.Tensor, tolerance: float, steps_max: int) -> tuple[torch.Tensor, bool]:
    """Minimise convex functions (Nocedal and Wright 2006, algorithm 7.5, with halving of the step until it suffices).

    Parameters
    ----------
    start : Tensor of shape (m, p), float64
    tolerance : float
        A function is left alone once no part of its gradient is larger, or no step lowers it.

    Returns
    -------
    at : Tensor of shape (m, p)
    converged : bool
        Whether all were left alone before `steps_max` steps.
    """
    at = start
    value, gradient = function(at)
    memory: deque[tuple[torch.Tensor, torch.Tensor, torch.Tensor]] = deque(maxlen=MEMORY)
    scale = 1 / gradient.norm(dim=1, keepdim=True).clamp(min=1)
    going = gradient.abs().amax(dim=1) > tolerance
    for _ in range(steps_max):
        if not going.any():
            return at, True
        direction = _two_loops(gradient, memory, scale) * going[:, None]
        slope = (gradient * direction).sum(dim=1)
        length = torch.ones_like(value)
        for _ in range(HALVINGS_MAX):
            there = at + length[:, None] * direction
            new_value, new_gradient = function(there)
            enough = (new_value <= value + DECREASE * length * slope) | ~going
            if enough.all():
                break
            length = torch.where(enough, length, length / 2)
        going = going & enough
        moved = torch.where(going[:, None], there - at, 0)
        turned = torch.where(going[:, None], new_gradient - gradient, 0)
        curvature = (moved * turned).sum(dim=1, keepdim=True)
        usable = curvature > 1e-12 * (turned * turned).sum(dim=1, keepdim=True)
        memory.append((moved, turned, torch.where(usable, 1 / curvature.where(usable, 1), 0)))
        scale = torch.where(usable, curvature / (turned * turned).sum(dim=1, keepdim=True).where(usable, 1), scale)
        at = at + moved
        value, gradient = torch.where(going, new_value, value), gradient + turned
        going = going & (gradient.abs().amax(dim=1) > tolerance)
    return at, not going.any()


def _two_loops(
    gradient: torch.Tensor, memory: deque[tuple[torch.Tensor, torch.Tensor, torch.Tensor]], scale: torch.Tensor
) -> torch.Tensor:
    """The direction of descent, (m, p): minus the inverse Hessian that the memory knows times the gradient."""
    direction, shares = -gradient, []
    for moved, turned, inverse in reversed(memory):
        share = inverse * (moved * direction).sum(dim=1, keepdim=True)
        direction = direction - share * turned
        shares.append(share)
    direction = scale * direction
    for (moved, turned, inverse), share in zip(memory, reversed(shares), strict=True):
        back = inverse * (turned * direction).sum(dim=1, keepdim=True)
        direction = direction + (share - back) * moved
    return direction
