"""The same on a GPU, where there is one."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from . import data, heads, pinned
from .names import HEADS

assert pinned

IMAGES, STEPS, BATCH = 2048, 60, 128


def stop_without_gpu() -> None:
    """Have asv skip what needs one."""
    if not torch.cuda.is_available():
        raise NotImplementedError("torch finds no CUDA device")


def least_seconds(work: Any, times: int) -> float:
    """The shortest of several runs, by the clock: the processor waits while a GPU works."""
    taken = []
    for _ in range(times):
        torch.cuda.synchronize()
        started = time.perf_counter()
        work()
        torch.cuda.synchronize()
        taken.append(time.perf_counter() - started)
    return min(taken)


class Extraction:
    """Images of 64 x 64 to embeddings of resnet18 in an empty store, all that `embedkit.embed` does."""

    version = "1"
    timeout = 300
    unit = "seconds per 1000 images"
    param_names = ("precision",)
    params = (["float32", "auto"],)

    def setup(self, precision: str) -> None:
        stop_without_gpu()
        self.images = data.save_images(Path.cwd() / "images.npz", IMAGES, side=64)

    def track_extraction(self, precision: str) -> float:
        import embedkit

        def embed() -> None:
            store = pinned.Store()
            try:
                embedkit.embed(self.images, f'resnet18(weights="none", precision="{precision}")', device="cuda")
            finally:
                store.close()

        embed()
        return least_seconds(embed, 3) * 1000 / IMAGES


class Fit:
    """Fitting heads that work on a GPU to 1,000 rows of 512 numbers."""

    version = "1"
    timeout = 120
    unit = "seconds"
    param_names = ("head",)
    params = (HEADS,)

    def setup(self, name: str) -> None:
        stop_without_gpu()
        head = heads.unfitted(name)
        places = {each: "cuda" for each in head.get_params() if each.rpartition("__")[2] == "device"}
        if not places:
            raise NotImplementedError(f"{name} alone stays on the CPU")
        self.head, self.rows = head.set_params(**places), data.clusters(1000, 512)

    def track_fit(self, name: str) -> float:
        self.head.fit(*self.rows)
        return least_seconds(lambda: self.head.fit(*self.rows), 5)


class Step:
    """A step of training an autoencoder on batches of 128 images of 32 x 32, the mean of 60."""

    version = "1"
    timeout = 180
    unit = "seconds"

    def setup(self) -> None:
        stop_without_gpu()
        self.store = pinned.Store()

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()

    def track_step(self) -> float:
        from embedkit.backbones import Images, make_backbone
        from embedkit.datasets import dataset_spec, open_dataset
        from embedkit.spec import parse

        dataset = open_dataset(dataset_spec(data.save_images(Path.cwd() / "images.npz", BATCH)))

        def train(seed: int) -> None:
            spec = parse(f"autoencoder(epochs={STEPS}, seed={seed})")
            make_backbone(spec, Images(dataset, np.arange(BATCH))).network("cuda", lambda share, doing: None)

        train(0)
        return min(least_seconds(lambda seed=seed: train(seed), 1) for seed in range(1, 4)) / STEPS
