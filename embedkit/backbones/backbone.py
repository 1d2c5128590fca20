"""Backbone: a network and the transform in front of it, bound to the images it will see."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import torch
    from torch import nn

    from embedkit.datasets.dataset import Dataset


Progress = Callable[[float, str], None]
Wanted = Literal["float32", "auto", "int8"]
Weights = Literal["none", "pool", "pretrained"]


class Images(NamedTuple):
    """What a backbone may know of a data set: the images, and which of them it may learn from (never their labels)."""

    dataset: Dataset
    pool: np.ndarray
    """Indices of the training images."""


class Network(NamedTuple):
    """What those who train on, or take apart, need of a backbone."""

    module: nn.Module
    """From a batch (b, C, h, w) float32 to embeddings (b, d)."""
    transform: Callable[[np.ndarray], torch.Tensor]
    """From one image (H, W, C) uint8 to the network's input (C, h, w) float32; a `Preprocessing` where possible."""


@dataclass(frozen=True)
class Backbone:
    """A way from images to vectors.

    Attributes
    ----------
    recipe : dict
        Plain values: everything, besides the embedded images, that decides the embedding. Keys are made of it.
    network : callable
        ``network(device, progress)`` loads or trains the network; slow. `progress` is told which share of that is done,
        and what is being done.
    training_passes : int
        How many images go through the network while it is trained on the pool; 0 where it is not.
    download : str
        What `network` has to download, how large, from where and to where; empty where nothing.
    precision : {"float32", "auto", "int8"} or None
        What the network computes in; "auto" is the smallest of floats that the device is made for, where embeddings
        agree with those of float32. None is float32 of what is too small, or too simple, to be tried out.
    layers : callable or None
        Gives the layers that an embedding may be taken from, with the shape of their output for one image: None for
        nodes that are no modules.
    """

    recipe: dict[str, Any]
    network: Callable[[str, Progress], Network]
    training_passes: int = 0
    download: str = ""
    precision: Wanted | None = None
    layers: Callable[[], dict[str, tuple[int, ...] | None]] | None = None

    @property
    def weights(self) -> Weights:
        """Where its weights come from: nowhere, the pool's images, or other images."""
        found = self.recipe.get("weights", "none")
        return found if found in ("none", "pool") else "pretrained"

    def embed(self, images: Iterable[np.ndarray], device: str = "cpu") -> np.ndarray:
        """Embed images, each (H, W, C) uint8: (n, d) float32."""
        import torch

        module, transform = self.network(device, lambda share, doing: None)
        with torch.inference_mode():
            vectors = [module(transform(image)[None].to(device)) for image in images]
        return torch.cat(vectors).float().cpu().numpy()


def as_rgb(image: np.ndarray) -> np.ndarray:
    """(H, W, 3), whatever the number of channels was."""
    return image if image.shape[2] == 3 else np.repeat(image[..., :1], 3, axis=2)


def resized(image: np.ndarray, side: int | None) -> torch.Tensor:
    """(C, h, w) float32 in [0, 1], resized to `side` x `side` (antialiased bilinear); None leaves the size."""
    import torch
    from torch.nn.functional import interpolate

    pixels = torch.tensor(image).permute(2, 0, 1).float() / 255
    if side is None:
        return pixels
    return interpolate(pixels[None], size=(side, side), mode="bilinear", antialias=True)[0].clamp(0, 1)


def common_side(shape: tuple[int, int, int] | None, most: int) -> int | None:
    """The side that images are resized to: None (as they are) where all share one small size, else `most`."""
    return None if shape is not None and max(shape[:2]) <= most else most
