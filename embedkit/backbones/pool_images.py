"""The images of the pool on their way into training: on the device where they fit, else loaded batch by batch."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import torch
from torch.nn.functional import interpolate

from embedkit.backbones.backbone import Images, as_rgb
from embedkit.engines import default_jobs

BYTES_MAX_CPU = 4 * 2**30
"""A larger pool is not held in memory; on a GPU the bound is half of its memory."""
_READ_TOGETHER = 4096
_BATCHES_AHEAD = 2

Shape = tuple[int, int, int]
"""Channels, height and width."""


def as_input(image: np.ndarray, shape: Shape) -> torch.Tensor:
    """From one image (H, W, 1 or 3) uint8 to a network's input (C, h, w) float32 in [0, 1].

    An image of another size is resized (antialiased bilinear), its ratio not kept; a grey one is repeated for a network
    that takes three channels.
    """
    channels, height, width = shape
    pixels = torch.tensor(as_rgb(image) if channels == 3 else image).permute(2, 0, 1).float() / 255
    if pixels.shape[1:] == (height, width):
        return pixels
    return interpolate(pixels[None], size=(height, width), mode="bilinear", antialias=True)[0].clamp(0, 1)


class PoolImages:
    """The pool as a network's input, uint8.

    Parameters
    ----------
    images : Images
    shape : (int, int, int)
        What the network takes.
    device : str
        Where batches are wanted.
    """

    def __init__(self, images: Images, shape: Shape, device: str) -> None:
        self._dataset, self._pool = images
        self._shape, self._device = shape, device
        channels, height, width = shape
        self._held: torch.Tensor | None = None  # (n, h, w, C)
        if len(self._pool) * channels * height * width <= _bytes_max(device):
            held = torch.empty(len(self._pool), height, width, channels, dtype=torch.uint8)
            with ThreadPoolExecutor(default_jobs()) as threads:
                for start in range(0, len(held), _READ_TOGETHER):
                    rows = range(start, min(start + _READ_TOGETHER, len(held)))
                    for row, pixels in zip(rows, threads.map(self._load, rows), strict=True):
                        held[row] = pixels
            self._held = held.to(device)

    def __len__(self) -> int:
        return len(self._pool)

    def batches(self, indices: Iterable[torch.Tensor]) -> Iterator[torch.Tensor]:
        """For each tensor of indices into the pool (b,) int64 a batch (b, C, h, w) uint8, channels last in memory."""
        if self._held is not None:
            for batch in indices:
                yield self._held.index_select(0, batch).permute(0, 3, 1, 2)
            return
        coming: deque[list[Future[torch.Tensor]]] = deque()
        with ThreadPoolExecutor(default_jobs()) as threads:
            for batch in indices:
                coming.append([threads.submit(self._load, at) for at in batch.tolist()])
                if len(coming) > _BATCHES_AHEAD:
                    yield self._stacked(coming.popleft())
            while coming:
                yield self._stacked(coming.popleft())

    def _load(self, at: int) -> torch.Tensor:
        """(h, w, C) uint8."""
        image = self._dataset.image(int(self._pool[at]))
        if image.shape == (*self._shape[1:], self._shape[0]):
            return torch.tensor(image)
        return (as_input(image, self._shape) * 255).round().to(torch.uint8).permute(1, 2, 0)

    def _stacked(self, loaded: list[Future[torch.Tensor]]) -> torch.Tensor:
        return torch.stack([each.result() for each in loaded]).to(self._device).permute(0, 3, 1, 2)


def _bytes_max(device: str) -> int:
    return torch.cuda.mem_get_info(device)[1] // 2 if device.startswith("cuda") else BYTES_MAX_CPU
