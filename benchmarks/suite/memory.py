"""How much memory extraction and a sweep take at their peak, and how many bytes heads and embeddings take on disk."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path

from . import data, heads, pinned
from .names import HEADS

IMAGES, ROWS = 6144, 20_000


class Peak:
    """In a process of its own, by Linux's count; see `memory_programs`.

    What is there after the same work on next to nothing is the baseline: libraries, networks, threads. It is tracked
    itself, and subtracted from the peak.
    """

    version = "1"
    timeout = 300
    unit = "bytes"

    def setup(self) -> None:
        if not os.access("/proc/self/clear_refs", os.W_OK):
            raise NotImplementedError("peaks of memory are read from /proc, as Linux has it")

    def track_extraction(self) -> int:
        before, peak = measured("extraction", 64, IMAGES)
        return peak - before

    def track_sweep(self) -> int:
        before, peak = measured("sweep", 500, ROWS)
        return peak - before

    def track_baseline(self) -> int:
        """Of extraction."""
        return measured("extraction", 64, 64)[0]


def measured(program: str, n_least: int, n: int) -> tuple[int, int]:
    """Bytes before and at the peak."""
    call = f"from {__package__}.memory_programs import run; run({program!r}, {n_least}, {n})"
    found_here = [*filter(None, sys.path), str(Path(__file__).parents[1])]  # asv finds the suite in a way of its own
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(found_here)}
    ended = subprocess.run([sys.executable, "-c", call], env=environment, check=True, stdout=subprocess.PIPE, text=True)
    before, peak = ended.stdout.split()[-2:]
    return int(before), int(peak)


class HeadBytes:
    """A fitted head, written down as the column `head_bytes` of results counts it."""

    version = "1"
    timeout = 120
    unit = "bytes"
    param_names = ("head",)
    params = (HEADS,)

    def track_pickled(self, name: str) -> int:
        return len(pickle.dumps(heads.fitted(name, *heads.SIZES["100 x 128"]), protocol=5))


class EmbeddingBytes:
    """What an image of 16 x 16 takes in the store as raw pixels, 768 numbers: rows, ids and manifest."""

    version = "1"
    timeout = 120
    unit = "bytes"
    n = 1024

    def setup(self) -> None:
        self.store = pinned.Store()
        self.images = data.save_images(Path.cwd() / "images.npz", self.n, side=16)

    def teardown(self) -> None:
        self.store.close()

    def track_stored(self) -> float:
        import embedkit

        embedkit.embed(self.images, "pixels")
        files = (self.store.path / "embeddings").rglob("*")
        return sum(file.stat().st_size for file in files if file.is_file()) / self.n


class CodecBytes:
    """What a row of 256 numbers takes by codec, as the column `embedding_bytes` of results counts it."""

    version = "1"
    timeout = 120
    unit = "bytes"
    param_names = ("codec",)
    params = (["float32", "float16", "pca(dim=64)", "pca(dim=64) | float16"],)

    def track_row(self, codec: str) -> int:
        import embedkit

        store = pinned.Store()
        try:
            X, y = data.clusters(1000, 256)
            rows = embedkit.compare(X, y, codecs=[codec], heads=["ridge"], budgets=[5], repeats=1, jobs=1)
            return int(rows["embedding_bytes"].iloc[0])
        finally:
            store.close()
