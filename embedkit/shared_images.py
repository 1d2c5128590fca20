"""The images that trials have in common, at the network's size: for heads that train the network itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from embedkit.engines import default_jobs
from embedkit.heads.problem import Problem, Queries, Rows

if TYPE_CHECKING:
    from embedkit.backbones import Backbone, Network
    from embedkit.datasets import Dataset
    from embedkit.trials import Task

KEPT_BYTES = 2**30
"""Of the images that are asked for the first ones stay in memory, up to so many bytes; others are loaded anew."""

CHUNK_BYTES = 2**26
"""Test images are taken so many bytes at a time."""


class LoadedImages:
    """A data set and a backbone, bound to a device: the network, and images at its size, each loaded once if few."""

    def __init__(self, dataset: Dataset, backbone: Backbone, device: str, dim: int) -> None:
        self._dataset, self._backbone, self._device = dataset, backbone, device
        self.dim = dim
        self._kept: dict[int, np.ndarray] = {}

    @cached_property
    def settings(self) -> dict[str, Any]:
        """What heads have to know besides images."""
        return {"network": self._network, "weights": self._backbone.weights}

    @cached_property
    def _network(self) -> Network:
        return self._backbone.network(self._device, lambda share, doing: None)

    def at(self, index: np.ndarray) -> np.ndarray:
        """Images (n, C, h, w) as a runtime takes them: uint8, or float32 of networks with a transform of their own."""
        missing = [int(i) for i in index if int(i) not in self._kept]
        with ThreadPoolExecutor(default_jobs()) as threads:
            loaded = dict(zip(missing, threads.map(self._load, missing), strict=True))
        images = np.stack([self._kept[i] if i in self._kept else loaded[i] for i in index.tolist()])
        room = KEPT_BYTES // images[0].nbytes - len(self._kept)
        self._kept.update(list(loaded.items())[: max(room, 0)])
        return images

    def _load(self, i: int) -> np.ndarray:
        from embedkit.embeddings.runtime import load_with

        return np.ascontiguousarray(load_with(self._network)(self._dataset.image(i)).numpy())

    def chunks(self, index: np.ndarray) -> Iterator[np.ndarray]:
        """The same some at a time, so that memory is bounded however many there are."""
        size = max(1, CHUNK_BYTES // self.at(index[:1]).nbytes)
        return (self.at(index[start : start + size]) for start in range(0, len(index), size))


class SharedImages:
    """In place of `embedkit.shared_rows.SharedRows` for trials of a group that share their test images."""

    def __init__(self, tasks: Sequence[Task]) -> None:
        first = tasks[0]
        assert first.images is not None
        self._images, self._test = first.images, first.test
        self.device = first.device

    def problem(self, task: Task) -> tuple[Problem, dict[str, Any]]:
        """The labelled images and targets of a trial, and columns about the embedding."""
        rows = Rows(self._images.at(task.train), self.device, settings=self._images.settings)
        index = np.arange(len(task.train))
        problem = Problem(rows, index, task.y_train, task.task, task.n_classes, task.head_seed)
        return problem, {"embedding_dim": self._images.dim}

    def test_queries(self, rows: Rows) -> Iterator[Queries]:
        """The test images, some at a time."""
        return (rows.queries(images) for images in self._images.chunks(self._test))
