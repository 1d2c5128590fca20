"""What byte dropout gains: seconds to train an `mlp` head, against the same head with torch's dropout.

Both fits run by turns in one process on one thread; the ratio of their medians is printed for each number of labels.
"""

from __future__ import annotations

import statistics
import time

import numpy as np
import torch

from embedkit.heads import dropout
from embedkit.heads.dropout import ByteDropout
from embedkit.heads.fully_connected import FullyConnectedClassifier

ROUNDS, CLASSES = 9, 10


def seconds(layer: type[torch.nn.Module], X: np.ndarray, y: np.ndarray) -> float:
    """Of one fit with this layer in place."""
    dropout.ByteDropout = layer  # type: ignore[assignment,misc]
    head = FullyConnectedClassifier((256,), dropout=0.5, steps=150, random_state=0)
    started = time.perf_counter()
    head.fit(X, y)
    return time.perf_counter() - started


def main() -> None:
    torch.set_num_threads(1)
    for n, d in ((10, 64), (100, 64), (1000, 64), (10, 512), (100, 512), (1000, 512)):
        X = np.random.default_rng(0).normal(size=(n, d)).astype(np.float32)
        y = np.arange(n) % CLASSES
        pairs = [(seconds(torch.nn.Dropout, X, y), seconds(ByteDropout, X, y)) for _ in range(ROUNDS)]
        theirs, ours = (statistics.median(column) for column in zip(*pairs, strict=True))
        print(f"{n:5d} labels, width {d:3d}: torch {theirs:.3f} s, bytes {ours:.3f} s, ratio {theirs / ours:.2f}")


if __name__ == "__main__":
    main()
