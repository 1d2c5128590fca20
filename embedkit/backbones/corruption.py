"""What is done to images before an autoencoder has to give back what they were: distortion, noise, holes."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn import functional

PATCHES_ACROSS = 8


@dataclass(frozen=True)
class Corruption:
    """Random changes of images, a batch at a time where it is.

    Attributes
    ----------
    distort : float
        Half the range of random affine maps: each number of the 2 x 2 matrix (rotation, shear and scale at once) and,
        in halves of the image, of the shift differs from the identity's by at most so much, uniformly. What comes in
        from outside is black.
    noise : float
        Standard deviation of the Gaussian noise that is added.
    drop : float
        Share of patches, an eighth of the longer side across, that are made black.
    """

    distort: float = 0.0
    noise: float = 0.0
    drop: float = 0.0

    def __call__(self, clean: torch.Tensor, chance: torch.Generator) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Corrupted images (b, C, h, w), and where they have holes (b, 1, h, w) bool; None where nothing is dropped."""
        images = clean
        if self.distort:
            images = _distorted(images, self.distort, chance)
        if self.noise:
            images = images + self.noise * torch.empty_like(images).normal_(generator=chance)
        if not self.drop:
            return images, None
        holes = _holes(images, self.drop, chance)
        return images.masked_fill(holes, 0.0), holes


def _distorted(images: torch.Tensor, strength: float, chance: torch.Generator) -> torch.Tensor:
    change = torch.empty(len(images), 2, 3, device=images.device).uniform_(-strength, strength, generator=chance)
    maps = torch.eye(2, 3, device=images.device) + change
    grid = functional.affine_grid(maps, list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, align_corners=False)


def _holes(images: torch.Tensor, share: float, chance: torch.Generator) -> torch.Tensor:
    height, width = images.shape[2:]
    side = -(-max(height, width) // PATCHES_ACROSS)  # rounded up
    rows, columns = -(-height // side), -(-width // side)
    dropped = torch.rand(len(images), 1, rows, columns, generator=chance, device=images.device) < share
    spread = dropped.repeat_interleave(side, 2).repeat_interleave(side, 3)
    return spread[:, :, :height, :width]
