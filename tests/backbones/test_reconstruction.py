from __future__ import annotations

import math

import pytest
import torch

from embedkit.backbones.reconstruction import SSIM_SHARE, distance, pixels_of, ssim


def test_squared_error() -> None:
    apart = distance(torch.tensor([[[[0.5, 1.5]]]]), torch.tensor([[[[0.0, 1.0]]]]), "mse")
    torch.testing.assert_close(apart, torch.tensor([[[[0.25, 0.25]]]]))


def test_cross_entropy_of_log_odds() -> None:
    log_odds = torch.tensor([[[[0.0, math.log(3)]]]])
    apart = distance(log_odds, torch.tensor([[[[0.3, 1.0]]]]), "bce")
    torch.testing.assert_close(apart, torch.tensor([[[[math.log(2), math.log(4 / 3)]]]]))
    torch.testing.assert_close(pixels_of(log_odds, "bce"), torch.tensor([[[[0.5, 0.75]]]]))


def test_ssim_of_an_image_with_itself_is_1() -> None:
    image = torch.rand(2, 3, 9, 11)
    torch.testing.assert_close(ssim(image, image), torch.ones(2, 3, 9, 11))


def test_ssim_of_constants_is_that_of_their_brightness() -> None:
    dark, bright = torch.full((1, 1, 12, 12), 0.2), torch.full((1, 1, 12, 12), 0.6)
    expected = (2 * 0.2 * 0.6 + 1e-4) / (0.2**2 + 0.6**2 + 1e-4)
    torch.testing.assert_close(ssim(dark, bright), torch.full((1, 1, 12, 12), expected), rtol=1e-3, atol=1e-3)


def test_ssim_of_a_window_is_that_of_its_moments() -> None:
    one, other = torch.rand(2, 1, 1, 7, 7, dtype=torch.float64)
    x, y = one.flatten(), other.flatten()
    covariance = ((x - x.mean()) * (y - y.mean())).mean()
    wanted = (2 * x.mean() * y.mean() + 1e-4) * (2 * covariance + 9e-4)
    wanted /= (x.mean() ** 2 + y.mean() ** 2 + 1e-4) * (x.var(correction=0) + y.var(correction=0) + 9e-4)
    torch.testing.assert_close(ssim(one, other)[0, 0, 3, 3], wanted)


def test_l1_and_ssim_are_added_by_their_shares() -> None:
    made, clean = torch.rand(2, 1, 2, 8, 8)
    mixed = (1 - SSIM_SHARE) * (made - clean).abs() + SSIM_SHARE * (1 - ssim(made, clean)) / 2
    torch.testing.assert_close(distance(made.logit(), clean, "l1+ssim"), mixed)
    assert distance(clean.logit(), clean, "l1+ssim").abs().max().item() == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("loss", ["mse", "bce", "l1+ssim"])
def test_an_output_in_half_precision_is_judged_in_single(loss: str) -> None:
    assert distance(torch.rand(1, 1, 4, 4).bfloat16(), torch.rand(1, 1, 4, 4), loss).dtype == torch.float32  # type: ignore[arg-type]
