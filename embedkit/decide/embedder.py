"""From new images to embeddings as the head of a model takes them, in bounded memory; broken ones are told apart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch

from embedkit.backbones import Network
from embedkit.codecs.codec import Codec
from embedkit.datasets.decode import BrokenImage
from embedkit.decide.sources import Source
from embedkit.embeddings.pipeline import batch_size
from embedkit.embeddings.precision import Precision, native_precision
from embedkit.embeddings.runtime import load_with, torch_runtime
from embedkit.engines import default_jobs, in_order, one_torch_thread

ROWS = 1024
"""So many embeddings go to the head together."""
_BATCHES_AHEAD = 2


class Embedded(NamedTuple):
    """Some images in their order: places (m,) in the source, what is wrong with each (empty: nothing), and embeddings
    of those that are sound, (s, d).
    """

    places: list[int]
    problems: list[str]
    X: np.ndarray


@dataclass(frozen=True, eq=False)
class Embedder:
    """A network and a codec, bound to a device.

    `input` is the shape of what the network takes of an image, and `channels` those of the images that it was bound to.
    `precision` is what it computed in for the head; a device that is not made for that computes in float32.
    """

    network: Network
    codec: Codec
    precision: Precision
    input: tuple[int, ...]
    channels: int

    def embed(self, source: Source, device: str) -> Iterator[Embedded]:
        """Embeddings of all images, some at a time."""
        network = Network(self.network.module.to(device), self.network.transform)
        native = self.precision == native_precision(device)
        run = torch_runtime(network, device, self.precision if native else "float32")
        size = batch_size(torch.empty(self.input), device)
        batches = [range(at, min(at + size, len(source.ids))) for at in range(0, len(source.ids), size)]

        def one_batch(batch: range) -> Embedded:
            loaded = [self._loaded(source, i) for i in batch]
            sound = [each for each in loaded if isinstance(each, torch.Tensor)]
            vectors = run(torch.stack(sound)).cpu().numpy() if sound else np.empty((0, 0), np.float32)
            return Embedded(list(batch), [each if isinstance(each, str) else "" for each in loaded], vectors)

        with one_torch_thread():
            waiting: list[Embedded] = []
            for done in in_order(one_batch, batches, _BATCHES_AHEAD * default_jobs()):
                waiting.append(done)
                if sum(len(each.places) for each in waiting) >= ROWS:
                    yield self._joined(waiting)
                    waiting = []
            if waiting:
                yield self._joined(waiting)

    def _joined(self, parts: Sequence[Embedded]) -> Embedded:
        vectors = [part.X for part in parts if len(part.X)]
        X = np.concatenate(vectors) if vectors else np.empty((0, 0), np.float32)
        problems = [problem for part in parts for problem in part.problems]
        finite = np.asarray(np.isfinite(X).all(axis=1))
        sound = [at for at, problem in enumerate(problems) if not problem]
        for at, fine in zip(sound, finite, strict=True):
            if not fine:
                problems[at] = "the network gives numbers that are not finite"
        kept = X[finite]
        coded = self.codec.decode(self.codec.encode(kept)) if len(kept) else kept
        return Embedded([place for part in parts for place in part.places], problems, coded)

    def _loaded(self, source: Source, i: int) -> torch.Tensor | str:
        """What the network takes of an image, or why it cannot."""
        try:
            loaded = load_with(self.network)(in_channels(source.read(i), self.channels))
        except BrokenImage as problem:
            return str(problem)
        if tuple(loaded.shape) != self.input:
            return f"it has the shape {_sides(loaded.shape)}; the model takes {_sides(self.input)}"
        return loaded


def in_channels(image: np.ndarray, channels: int) -> np.ndarray:
    """An image (H, W, C) in as many channels; a vector as it is.

    Raises
    ------
    BrokenImage
        Where it has colours and the model was fitted on grey images.
    """
    if image.ndim != 3 or image.shape[2] == channels:
        return image
    if channels == 3:
        return np.repeat(image, 3, axis=2)
    if (image != image[..., :1]).any():
        raise BrokenImage("it has colours; the model was fitted on grey images")
    return image[..., :1]


def _sides(shape: Any) -> str:
    return "x".join(map(str, shape))
