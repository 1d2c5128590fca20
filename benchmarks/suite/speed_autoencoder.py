"""How long one step of training an autoencoder takes."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from . import data, pinned

STEPS, BATCH = 6, 128


class Step:
    """A batch of 128 images of 32 x 32 through network and optimiser, the mean of six; reading images is in it."""

    version = "1"
    timeout = 180
    unit = "seconds"
    param_names = ("precision",)
    params = (["float32", "bfloat16"],)

    def setup(self, precision: str) -> None:
        from embedkit.datasets import dataset_spec, open_dataset
        from embedkit.training import has_bfloat16

        if precision == "bfloat16" and not has_bfloat16("cpu"):
            raise NotImplementedError("this processor is not made for bfloat16")
        self.store = pinned.Store()
        self.dataset = open_dataset(dataset_spec(data.save_images(Path.cwd() / "images.npz", BATCH)))

    def teardown(self, precision: str) -> None:
        if hasattr(self, "store"):
            self.store.close()

    def track_step(self, precision: str) -> float:
        return min(self.step_seconds(precision, seed) for seed in range(4))

    def step_seconds(self, precision: str, seed: int) -> float:
        """One batch is an epoch; every seed trains a network of its own."""
        from embedkit.backbones import Images, make_backbone
        from embedkit.spec import parse

        spec = parse(f'autoencoder(epochs={STEPS}, precision="{precision}", seed={seed})')
        backbone = make_backbone(spec, Images(self.dataset, np.arange(BATCH)))
        started = time.process_time()
        backbone.network("cpu", lambda share, doing: None)
        return (time.process_time() - started) / STEPS
