"""Loading images and embedding them at the same time, batch by batch, in order and in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from itertools import chain, islice, tee

import numpy as np
import torch

from embedkit.embeddings.runtime import Runtime
from embedkit.engines import default_jobs, in_order, one_torch_thread

Load = Callable[[int], torch.Tensor]
"""Decodes an image and brings it to the network's size."""

BATCH_NUMBERS = 8 * 3 * 224 * 224
BATCH_CPU_MAX, BATCH_GPU = 256, 256
_BATCHES_AHEAD = 2


def batch_on_cpu(image: torch.Tensor) -> int:
    """How many images of this size go through a network at once: few large ones stay in the cache."""
    return min(BATCH_CPU_MAX, max(1, BATCH_NUMBERS // image.numel()))


def embed_on_cpu(run: Runtime, load: Load, batches: Iterable[range]) -> Iterator[np.ndarray]:
    """Vectors (b, d) of each batch of images.

    Each core loads and embeds batches of its own with one thread: no core waits for another.
    """

    def embed(batch: range) -> np.ndarray:
        return run(torch.stack([load(i) for i in batch])).numpy()

    with one_torch_thread():
        yield from in_order(embed, batches, _BATCHES_AHEAD * default_jobs())


def embed_on_gpu(run: Runtime, load: Load, batches: Iterable[range]) -> Iterator[np.ndarray]:
    """The same with threads that load; a batch for which the GPU lacks memory is halved, as are those that follow.

    Vectors are fetched one batch late, so that the GPU has work while the next batch is on its way.
    """
    size, before = BATCH_GPU, None
    coming, counted = tee(batches)
    with closing(in_order(load, chain.from_iterable(coming), _BATCHES_AHEAD * size)) as loaded:
        for images in counted:
            batch = torch.stack(list(islice(loaded, len(images))))
            batch = batch.pin_memory() if torch.cuda.is_available() else batch
            vectors, size = _fitting(run, batch, size)
            if before is not None:
                yield before.cpu().numpy()
            before = vectors
    if before is not None:
        yield before.cpu().numpy()


def _fitting(run: Runtime, batch: torch.Tensor, size: int) -> tuple[torch.Tensor, int]:
    """The vectors of a batch, run in parts of a size that the memory holds, and that size."""
    while True:
        try:
            return torch.cat([run(part) for part in batch.split(size)]), size
        except torch.OutOfMemoryError:
            if size == 1:
                raise
            size //= 2
