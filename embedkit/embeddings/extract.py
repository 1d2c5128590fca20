"""Running a backbone over a data set: decode and transform in threads, the network behind them, shards on disk."""

from __future__ import annotations

import itertools
import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from embedkit import artefacts
from embedkit.backbones import Backbone, Progress
from embedkit.datasets.dataset import Dataset
from embedkit.embeddings import claims, store
from embedkit.embeddings.soundness import check_finite, check_varied

BATCH_CPU, BATCH_GPU = 8, 256
_QUEUED_BATCHES = 4


def embedding_key(dataset: Dataset, backbone: Backbone, precision: str = "float32") -> str:
    """The key of a data set's embeddings: content, backbone and precision, no location."""
    return artefacts.key([store.FORMAT, dataset.content, backbone.recipe, precision])


TRAINING_COST = 6
"""What a training step costs an image, in forward passes: those of decoder and encoder, and twice as much backward."""


def forward_passes(dataset: Dataset, backbone: Backbone) -> int:
    """The work that `extract` has to do, in images that pass through the network."""
    return TRAINING_COST * backbone.training_passes + len(dataset)


def extract(dataset: Dataset, backbone: Backbone, device: str, progress: Progress) -> str:
    """Embed every image that the store lacks, in the data set's order, and return the key.

    `progress` is told the `forward_passes` done, and what is being done.

    Raises
    ------
    EmbedkitError
        Where the network gives numbers that are not finite, or the same for all images.
    """
    key = embedding_key(dataset, backbone)
    if store.is_complete(key):
        return key
    before = TRAINING_COST * backbone.training_passes
    module, transform = backbone.network(device, lambda share, doing: progress(share * before, doing))
    if dataset.vectors is None:
        module = module.to(memory_format=torch.channels_last)
    batch_size = BATCH_GPU if device.startswith("cuda") else BATCH_CPU
    read = dataset.image

    def load(i: int) -> torch.Tensor:
        return transform(read(i))

    about = {"dataset": dataset.name, "recipe": backbone.recipe}
    store.begin(key, len(dataset), about)
    done = 0

    def waiting(reason: str) -> None:
        progress(before + done, reason)

    with torch.inference_mode(), claims.rounds(key, len(dataset), waiting) as rounds:
        for start, stop in itertools.chain.from_iterable(rounds):
            rows = []
            for inputs in _batches(load, range(start, stop), batch_size):
                rows.append(module(_to_device(inputs, device)).float().cpu().numpy())
                done = max(done, start + sum(map(len, rows)))
                progress(before + done, f"{done} of {len(dataset)} images")
            embedded = np.concatenate(rows)
            check_finite(embedded, dataset.ids[start:stop])
            if start == 0 and dataset.vectors is None:
                check_varied(embedded, read)
            store.write_shard(key, start, embedded)
    store.finish(key, len(dataset), {**about, **_cost(module, transform(read(0)), device)})
    return key


def _cost(module: torch.nn.Module, image: torch.Tensor, device: str) -> dict[str, int]:
    """Size of the network and multiply-accumulates per image."""
    tensors = [*module.parameters(), *module.buffers()]
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        module(image[None].to(device))
    return {
        "backbone_bytes": sum(tensor.nbytes for tensor in tensors),
        "backbone_macs": counter.get_total_flops() // 2,
    }


def _to_device(inputs: torch.Tensor, device: str) -> torch.Tensor:
    if inputs.ndim == 4:
        inputs = inputs.contiguous(memory_format=torch.channels_last)
    return inputs.to(device, non_blocking=True)


def _batches(load: Callable[[int], torch.Tensor], indices: range, batch_size: int) -> Iterator[torch.Tensor]:
    """Batches in order; a few are decoded ahead, so memory does not grow with the number of images."""
    chunks = [indices[at : at + batch_size] for at in range(0, len(indices), batch_size)]
    waiting: deque[list[Future[torch.Tensor]]] = deque()
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        for chunk in chunks:
            waiting.append([threads.submit(load, i) for i in chunk])
            if len(waiting) > _QUEUED_BATCHES:
                yield torch.stack([future.result() for future in waiting.popleft()])
        while waiting:
            yield torch.stack([future.result() for future in waiting.popleft()])
