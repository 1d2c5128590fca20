"""How long every head takes to fit and to predict."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from . import data, heads, pinned
from .names import HEADS


class Fit:
    """Fitting a head to labelled rows, on one thread; seconds are those of the processor, also below."""

    version = "1"
    timeout = 120
    param_names = ("head", "labels x width")
    params = (HEADS, list(heads.SIZES))
    timer = time.process_time
    number, repeat, rounds, warmup_time = 1, (3, 20, 0.5), 4, 0

    def setup(self, name: str, size: str) -> None:
        heads.warm(name)
        self.head, self.rows = heads.unfitted(name), heads.training_rows(name, *heads.SIZES[size])

    def time_fit(self, name: str, size: str) -> None:
        self.head.fit(*self.rows)


class Predict:
    """Predicting 1,000 rows by a fitted head."""

    version = "1"
    timeout = 120
    param_names = ("head", "labels x width")
    params = (HEADS, list(heads.SIZES))
    timer = time.process_time
    number, repeat, rounds, warmup_time = 1, (5, 40, 1.0), 2, 0

    def setup(self, name: str, size: str) -> None:
        heads.warm(name)
        n_labeled, width = heads.SIZES[size]
        self.head, self.rows = heads.fitted(name, n_labeled, width), heads.queries(width)

    def time_predict(self, name: str, size: str) -> None:
        self.head.predict(self.rows)


class FineTune:
    """Training a small network, and a layer on it, end to end on 50 images of 32 x 32 in 20 steps."""

    version = "1"
    timeout = 120
    timer = time.process_time
    number, repeat, rounds, warmup_time = 1, (5, 10, 2.0), 2, 0

    def setup(self) -> None:
        from embedkit.backbones import Images, make_backbone
        from embedkit.datasets import dataset_spec, open_dataset
        from embedkit.heads import HEADS as CATALOGUE
        from embedkit.spec import parse

        if "finetune" not in CATALOGUE:
            raise NotImplementedError("this version of embedkit has no head finetune")
        self.store = pinned.Store()
        dataset = open_dataset(dataset_spec(data.save_images(Path.cwd() / "images.npz", 50)))
        backbone = make_backbone(parse('autoencoder(weights="none")'), Images(dataset, np.arange(50)))
        network = backbone.network("cpu", lambda share, doing: None)
        head = CATALOGUE["finetune"].build(0, "classification", steps=20, epochs=1)
        untrained = (
            {"weights": "none"} if "weights" in head.get_params() else {"pretrained": False}
        )  # of older versions
        self.head = head.set_params(network=network, **untrained)
        self.images = np.stack([network.transform(dataset.image(i)).numpy() for i in range(50)])
        self.y = dataset.labels

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()

    def time_fit(self) -> None:
        self.head.fit(self.images, self.y)
