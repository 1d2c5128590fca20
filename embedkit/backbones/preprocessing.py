"""Preprocessing: what a network wants done to an image, as plain data."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np
import torch

from embedkit.backbones.backbone import as_rgb


@dataclass(frozen=True)
class Preprocessing:
    """Resize, crop the centre, normalise; calling it does all three, as torchvision's presets for classification do.

    It resizes in uint8, as Pillow does, which gives Pillow's grey levels but for one in a hundred, and those to one
    level: torchvision's presets do so for images of Pillow, and round from float32 for tensors.

    The first two give uint8 and the last is affine, so that whoever is in a hurry may `crop_centre` in uint8 anywhere
    and fold `normalise` into the network's first layer.

    Attributes
    ----------
    resize : int
        The shorter side is brought to it, antialiased; without `keep_ratio` both sides are.
    crop : int
        Side of the central square that the network sees; what is missing is black.
    interpolation : {"nearest", "bilinear", "bicubic"}
    mean, std : tuple of float
        Of the three channels in [0, 1]: subtracted, and divided by.
    """

    resize: int
    crop: int
    interpolation: Literal["nearest", "bilinear", "bicubic"]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    keep_ratio: bool = True

    def __call__(self, image: np.ndarray) -> torch.Tensor:
        """From one image (H, W, 1 or 3) uint8 to the network's input (3, crop, crop) float32."""
        return self.normalise(self.cropped(image))

    def cropped(self, image: np.ndarray) -> torch.Tensor:
        """The same without `normalise`: (3, crop, crop) uint8."""
        return self.crop_centre(torch.from_numpy(as_rgb(image)).permute(2, 0, 1))

    def crop_centre(self, pixels: torch.Tensor) -> torch.Tensor:
        """Resize and crop (..., 3, H, W) uint8: (..., 3, crop, crop) uint8."""
        from torchvision.transforms import InterpolationMode
        from torchvision.transforms.v2 import functional

        size = [self.resize] if self.keep_ratio else [self.resize, self.resize]
        resized = functional.resize(pixels, size, InterpolationMode(self.interpolation), antialias=True)
        return functional.center_crop(resized, [self.crop])

    def normalise(self, pixels: torch.Tensor) -> torch.Tensor:
        """From (..., 3, h, w) uint8 to the network's input, float32."""
        from torchvision.transforms.v2 import functional

        return functional.normalize(pixels.float() / 255, list(self.mean), list(self.std))

    def at(self, image_size: int) -> Preprocessing:
        """For another size of the network's input, with the same proportion of `resize` to `crop`."""
        return replace(self, crop=image_size, resize=max(image_size, round(image_size * self.resize / self.crop)))

    def recipe(self) -> dict[str, Any]:
        """Plain values for keys."""
        return asdict(self) | {"mean": list(self.mean), "std": list(self.std)}


def of_preset(preset: Any) -> Preprocessing:
    """What torchvision's ``weights.transforms()`` for a classification network does."""
    return Preprocessing(
        resize=preset.resize_size[0],
        crop=preset.crop_size[0],
        interpolation=preset.interpolation.value,
        mean=tuple(preset.mean),
        std=tuple(preset.std),
    )
