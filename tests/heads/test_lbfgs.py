from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.optimize import minimize, rosen, rosen_der

from embedkit.heads.lbfgs import minimise


def quadratics(curvatures: torch.Tensor, minima: torch.Tensor):  # type: ignore[no-untyped-def]
    """sum(curvature / 2 (x - minimum)^2), one function per row."""

    def function(at: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return (curvatures / 2 * (at - minima) ** 2).sum(dim=1), curvatures * (at - minima)

    return function


def test_every_function_is_taken_to_its_own_minimum() -> None:
    generator = torch.Generator().manual_seed(0)
    curvatures = 10 ** (4 * torch.rand(5, 20, generator=generator, dtype=torch.float64) - 2)
    minima = torch.randn(5, 20, generator=generator, dtype=torch.float64)
    at, converged = minimise(quadratics(curvatures, minima), torch.zeros_like(minima), 1e-10, 2000)
    assert converged
    np.testing.assert_allclose(at, minima, atol=1e-6)


def test_one_that_starts_at_its_minimum_stays_there_beside_others() -> None:
    minima = torch.tensor([[0.0, 0.0], [3.0, -1.0]], dtype=torch.float64)
    at, converged = minimise(
        quadratics(torch.ones(2, 2, dtype=torch.float64), minima), torch.zeros(2, 2).double(), 1e-9, 50
    )
    assert converged
    np.testing.assert_allclose(at, minima, atol=1e-9)


def test_it_needs_about_as_many_steps_as_scipy() -> None:
    calls = 0

    def function(at: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        nonlocal calls
        calls += 1
        x = at[0].numpy()
        return torch.tensor([rosen(x)]), torch.from_numpy(rosen_der(x))[None]

    start = np.array([0.5, 0.8, 1.2, 1.5])
    at, converged = minimise(function, torch.from_numpy(start)[None], 1e-6, 500)
    assert converged
    np.testing.assert_allclose(at[0], 1, atol=1e-5)
    assert calls < 2 * minimize(rosen, start, jac=rosen_der, method="L-BFGS-B", options={"gtol": 1e-6}).nfev


@pytest.mark.parametrize(("steps", "enough"), [(2, False), (200, True)])
def test_too_few_steps_are_told(steps: int, enough: bool) -> None:
    curvatures = torch.tensor([[1.0, 1e3, 1e6]], dtype=torch.float64)
    _, converged = minimise(quadratics(curvatures, torch.ones(1, 3).double()), torch.zeros(1, 3).double(), 1e-8, steps)
    assert converged is enough
