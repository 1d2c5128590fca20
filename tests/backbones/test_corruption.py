from __future__ import annotations

import pytest
import torch

from embedkit.backbones.corruption import Corruption

IMAGES = torch.rand(200, 2, 16, 24, generator=torch.Generator().manual_seed(0)).to(memory_format=torch.channels_last)


def chance(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_without_strengths_nothing_happens() -> None:
    corrupted, holes = Corruption()(IMAGES, chance())
    assert torch.equal(corrupted, IMAGES)
    assert holes is None


def test_noise_has_its_standard_deviation() -> None:
    corrupted, _ = Corruption(noise=0.3)(IMAGES, chance())
    change = corrupted - IMAGES
    assert change.std().item() == pytest.approx(0.3, rel=0.01)
    assert change.mean().item() == pytest.approx(0, abs=0.003)


def test_holes_are_black_patches_of_an_eighth_of_the_longer_side() -> None:
    corrupted, holes = Corruption(drop=0.25)(IMAGES, chance())
    assert holes is not None
    assert holes.shape == (200, 1, 16, 24)
    assert (corrupted[holes.expand_as(IMAGES)] == 0).all()
    assert torch.equal(corrupted[~holes.expand_as(IMAGES)], IMAGES[~holes.expand_as(IMAGES)])
    assert holes.float().mean().item() == pytest.approx(0.25, abs=0.02)
    patches = holes[:, 0, :15].reshape(200, 5, 3, 8, 3)
    assert torch.equal(patches.any(4).any(2), patches.all(4).all(2))


def test_images_of_a_few_pixels_lose_single_ones() -> None:
    _, holes = Corruption(drop=0.5)(torch.rand(100, 1, 7, 5), chance())
    assert holes is not None
    assert holes.float().mean().item() == pytest.approx(0.5, abs=0.03)


def test_distortion_moves_a_line_by_no_more_than_its_strength() -> None:
    line = torch.zeros(300, 1, 33, 33)
    line[:, :, :, 16] = 1.0
    corrupted, _ = Corruption(distort=0.2)(line, chance())
    middle = corrupted[:, 0, 16]  # (300, 33): of the row in the middle only the shift is seen
    places = (middle * torch.arange(33)).sum(1) / middle.sum(1)
    moved = places - 16
    assert moved.abs().max().item() < 0.2 / 0.8 * 16.5 + 0.5  # a shift in the picture that may be enlarged
    assert moved.std().item() > 1.0
    assert moved.mean().item() == pytest.approx(0, abs=0.4)


def test_each_image_is_distorted_in_its_own_way() -> None:
    same = IMAGES[:1].expand(10, -1, -1, -1)
    corrupted, _ = Corruption(distort=0.1)(same, chance())
    assert len(corrupted.flatten(1).unique(dim=0)) == 10
    assert corrupted.shape == same.shape


@pytest.mark.parametrize("corruption", [Corruption(noise=0.1), Corruption(drop=0.5), Corruption(distort=0.1)])
def test_chance_decides_and_the_originals_stay(corruption: Corruption) -> None:
    before = IMAGES.clone()
    first, again, other = (corruption(IMAGES, chance(seed))[0] for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(IMAGES, before)
