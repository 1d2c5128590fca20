"""What `memory` runs in processes of their own: each says its memory before its work, and at its peak."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from . import data, pinned

NETWORK = 'autoencoder(weights="none", width=8, layer="stem", pool="flatten")'
"""An image of 32 x 32 becomes 8,192 numbers: rows that are kept outweigh the batches on their way."""


def extraction(n: int) -> Callable[[], object]:
    """Embed n small images into the store."""
    from embedkit.backbones import Images, make_backbone
    from embedkit.datasets import dataset_spec, open_dataset
    from embedkit.embeddings.extract import extract
    from embedkit.spec import parse

    dataset = open_dataset(dataset_spec(data.save_images(Path.cwd() / f"{n}.npz", n)))
    backbone = make_backbone(parse(NETWORK), Images(dataset, np.arange(n)))
    return lambda: extract(dataset, backbone, "cpu", lambda done, doing: None)


def sweep(n: int) -> Callable[[], object]:
    """Compare four heads on n rows of 512 numbers, of which a fifth is predicted by each."""
    import embedkit

    X, y = data.clusters(n, 512)
    heads = ["linear", "svm", "lda", "knn"]
    return lambda: embedkit.compare(X, y, heads=heads, budgets=[5, 25], repeats=2, jobs=1, evaluation="fixed")


def run(program: str, n_least: int, n: int) -> None:
    """Print bytes: resident after the same work on next to nothing, and the peak of the work from then on."""
    store = pinned.Store()
    work_of = {"extraction": extraction, "sweep": sweep}[program]
    work_of(n_least)()
    work = work_of(n)
    Path("/proc/self/clear_refs").write_text("5")  # begins a new peak
    before = status_bytes("VmRSS")
    work()
    print(before, status_bytes("VmHWM"))
    store.close()


def status_bytes(name: str) -> int:
    """A number of bytes from what Linux says of this process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))
