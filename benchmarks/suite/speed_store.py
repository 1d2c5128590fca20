"""How long the store of embeddings takes to write rows, and to read them."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from . import pinned

ROWS, WIDTH = 8192, 512


class Store:
    """Embeddings of 8,192 images, 512 wide; seconds are those of the processor: what a disk takes is not embedkit's."""

    version = "1"
    timeout = 60
    timer = time.process_time
    number, repeat, rounds, warmup_time = 1, (5, 10, 2.0), 2, 0.1

    def setup(self) -> None:
        from embedkit.embeddings import store

        rng = np.random.default_rng(0)
        self.cache, self.store = pinned.Store(), store
        self.rows = rng.normal(size=(ROWS, WIDTH)).astype(np.float32)
        self.order = rng.permutation(ROWS)
        self.ids = [f"{i:07d}" for i in range(ROWS)]
        self.write("1" * 64)

    def teardown(self) -> None:
        self.cache.close()

    def write(self, key: str) -> None:
        about: dict[str, Any] = {"dataset": "benchmark", "recipe": {"name": "benchmark"}, "precision": "float32"}
        self.store.begin(key, ROWS, about)
        for start in range(0, ROWS, self.store.SHARD_ROWS):
            self.store.write_shard(key, start, self.rows[start : start + self.store.SHARD_ROWS])
        self.store.write_ids(key, self.ids)
        self.store.finish(key, ROWS, about)

    def time_write(self) -> None:
        self.write("0" * 64)

    def time_read(self) -> None:
        """Open them, and copy all rows in an order of chance."""
        self.store.read("1" * 64)[self.order]
