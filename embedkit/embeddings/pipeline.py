"""Loading images and embedding them at the same time, batch by batch, in order and in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import torch

from embedkit.embeddings.runtime import Runtime
from embedkit.engines import default_jobs, in_order, one_torch_thread

Load = Callable[[int], torch.Tensor]
"""Decodes an image and brings it to the network's size."""

BATCH_NUMBERS = 8 * 3 * 224 * 224
BATCH_CPU_MAX, BATCH_GPU = 256, 256
_BATCHES_AHEAD = 2


def batch_size(image: torch.Tensor, device: str) -> int:
    """How many images of this size go through a network at once: on a CPU, few large ones stay in the cache."""
    if device.startswith("cuda"):
        return BATCH_GPU
    return min(BATCH_CPU_MAX, max(1, BATCH_NUMBERS // image.numel()))


def embed_on_cpu(run: Runtime, load: Load, batches: Iterable[range]) -> Iterator[np.ndarray]:
    """Vectors (b, d) of each batch of images.

    Each core loads and embeds batches of its own with one thread: no core waits for another.
    """

    def embed(batch: range) -> np.ndarray:
        return run(torch.stack([load(i) for i in batch])).numpy()

    with one_torch_thread():
        yield from in_order(embed, batches, _BATCHES_AHEAD * default_jobs())
