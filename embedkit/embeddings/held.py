"""Images that stay on a GPU, loaded once for all networks of a study that want them alike."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from embedkit.backbones import Network, Preprocessing
    from embedkit.datasets.dataset import Dataset

HELD_SHARE_MAX = 0.5
"""Of the memory that the GPU has free."""


class HeldImages:
    """One data set's images as a network takes them, uint8; those of the data set before it are given up."""

    pixels: torch.Tensor

    def __init__(self) -> None:
        self._alike = ""

    def make_room(self, dataset: Dataset, network: Network, device: str) -> HeldImages | None:
        """Itself, where these images fit; those that it holds already stay. None where they do not."""
        from embedkit.backbones import Preprocessing

        transform = network.transform
        if not isinstance(transform, Preprocessing):
            return None
        alike = _alike(dataset, transform, device)
        if alike != self._alike:
            self._alike, self.pixels = "", torch.empty(0)
            shape = (len(dataset), 3, transform.crop, transform.crop)
            if torch.Size(shape).numel() > HELD_SHARE_MAX * _free_bytes(device):
                return None
            self.pixels = torch.empty(shape, dtype=torch.uint8, device=device)
            self._there = [False] * len(dataset)
            self._alike = alike
        return self

    def holds(self, i: int) -> bool:
        """Whether the i-th image is there."""
        return self._there[i]

    def keep(self, numbers: range, batch: torch.Tensor) -> None:
        """Hold a batch (b, 3, h, w) uint8 of the images of these numbers."""
        self.pixels[numbers.start : numbers.stop] = batch
        self._there[numbers.start : numbers.stop] = [True] * len(numbers)


def _alike(dataset: Dataset, transform: Preprocessing, device: str) -> str:
    """What decides the pixels: normalisation comes after them."""
    recipe: dict[str, Any] = {**transform.recipe(), "mean": None, "std": None}
    return json.dumps([dataset.content, recipe, device], sort_keys=True)


def _free_bytes(device: str) -> int:
    return torch.cuda.mem_get_info(device)[0] if device.startswith("cuda") else 0
