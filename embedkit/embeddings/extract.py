"""Running a backbone over a data set: from images to vectors in the store."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import partial

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from embedkit import artefacts
from embedkit.backbones import Backbone, Network, Progress
from embedkit.datasets.dataset import Dataset
from embedkit.embeddings import claims, store
from embedkit.embeddings.agreement import agreeing_runtime
from embedkit.embeddings.held import HeldImages
from embedkit.embeddings.pipeline import batch_size, embed_on_cpu
from embedkit.embeddings.precision import Precision, effective_precision
from embedkit.embeddings.runtime import load_with
from embedkit.embeddings.soundness import check_finite, check_varied

TRAINING_COST = 6
"""What a training step costs an image, in forward passes: those of decoder and encoder, and twice as much backward."""


def embedding_key(dataset: Dataset, backbone: Backbone, precision: Precision = "float32") -> str:
    """The key of a data set's embeddings: content, backbone and precision, no location."""
    return artefacts.key([store.FORMAT, dataset.content, backbone.recipe, precision])


def effective_key(dataset: Dataset, backbone: Backbone, device: str) -> str:
    """The key of those that `extract` makes, or has made, on a device."""
    return embedding_key(dataset, backbone, effective_precision(dataset.content, backbone, device))


def forward_passes(dataset: Dataset, backbone: Backbone) -> int:
    """The work that `extract` has to do, in images that pass through the network."""
    return TRAINING_COST * backbone.training_passes + len(dataset)


def extract(
    dataset: Dataset,
    backbone: Backbone,
    device: str,
    progress: Progress,
    say: Callable[[str], None] = lambda text: None,
    held: HeldImages | None = None,
) -> str:
    """Embed every image that the store lacks, in the data set's order, and return the key.

    `progress` is told the `forward_passes` done, and what is being done; `say` what the user should know. On a GPU
    images stay in `held` for the next network.

    Raises
    ------
    EmbedkitError
        Where the network gives numbers that are not finite, the same for all images, or others beside other images.
    """
    key = effective_key(dataset, backbone, device)
    if store.is_complete(key):
        return key
    before = TRAINING_COST * backbone.training_passes
    network = backbone.network(device, lambda share, doing: progress(share * before, doing))
    first = dataset.image(0)
    load, read = load_with(network), dataset.image
    size = batch_size(load(first), device)
    precision, run = agreeing_runtime(dataset, backbone, network, device, size, say)
    key = embedding_key(dataset, backbone, precision)
    about = {"dataset": dataset.name, "recipe": backbone.recipe, "precision": precision}
    store.begin(key, len(dataset), about)
    stored = store.rows_there(key, len(dataset))
    embedded, started = 0, time.perf_counter()
    if not device.startswith("cuda"):
        embed = partial(embed_on_cpu, run, lambda i: load(read(i)))
    else:
        from embedkit.embeddings.gpu import agreeing_feeder, embed_on_gpu

        room = held and held.make_room(dataset, network, device)
        first_batch = range(min(len(dataset), size))
        embed = partial(embed_on_gpu, run, agreeing_feeder(dataset, network, device, run, first_batch, say, room))

    def vectors_of(batches: Iterable[range]) -> Iterator[np.ndarray]:
        nonlocal embedded
        for vectors in embed(batches):
            embedded += len(vectors)
            rate = embedded / (time.perf_counter() - started)
            done = stored + embedded
            progress(before + done, f"{done} of {len(dataset)} images, {rate:.0f} a second")
            yield vectors

    def waiting(reason: str) -> None:
        progress(before + stored + embedded, reason)

    with claims.rounds(key, len(dataset), waiting) as rounds:
        for shards in rounds:
            for start, rows in _by_shard(shards, size, vectors_of):
                check_finite(rows, dataset.ids[start : start + len(rows)])
                if start == 0 and dataset.vectors is None:
                    check_varied(rows, read)
                store.write_shard(key, start, rows)
    store.write_ids(key, dataset.ids)
    store.finish(key, len(dataset), {**about, **_cost(network, first, device)})
    return key


def _by_shard(
    shards: Iterable[tuple[int, int]], size: int, vectors_of: Callable[[Iterable[range]], Iterator[np.ndarray]]
) -> Iterator[tuple[int, np.ndarray]]:
    """The first row of each shard, and its rows; batches go ahead of them into later shards."""
    begun: deque[tuple[int, int]] = deque()

    def batches() -> Iterator[range]:
        for start, stop in shards:
            begun.append((start, stop))
            yield from (range(at, min(at + size, stop)) for at in range(start, stop, size))

    rows: list[np.ndarray] = []
    for vectors in vectors_of(batches()):
        rows.append(vectors)
        start, stop = begun[0]
        if sum(map(len, rows)) == stop - start:
            begun.popleft()
            yield start, np.concatenate(rows)
            rows = []


def _cost(network: Network, image: np.ndarray, device: str) -> dict[str, int]:
    """Size of the network and multiply-accumulates per image."""
    module = network.module
    tensors = [*module.parameters(), *module.buffers()]
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        module(network.transform(image)[None].to(device))
    return {
        "backbone_bytes": sum(tensor.nbytes for tensor in tensors),
        "backbone_macs": counter.get_total_flops() // 2,
    }
