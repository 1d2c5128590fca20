"""Are the fully connected heads weak? What other training would gain them, over budgets of 1 to 100 labels per class.

`linear` and `mlp` run with four times the training, other learning rates, weight decays, widths, dropouts and label
smoothing, each beside the default on the same label draws and with the same seeds. The images are 6,000 of CIFAR-10's
training set: labels are drawn from the first half, and the second half is tested on. A carve of 1, 2, ... takes the
next 6,000 instead, to check what the first one suggested.

Usage: python benchmarks/fully_connected.py [backbone] [carve] [draws]

The defaults are "squeezenet", 0 and 10; another backbone is a spec, such as "pixels". Needs `pip install pyarrow` and
cifar10/train-00000-of-00001.parquet and weights/squeezenet1_0-deepcompression.pth in the folder that
EMBEDKIT_SHARED_DATA names, or in ../shared/data. One thread, about ten minutes.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

import embedkit as ek
from embedkit import artefacts
from embedkit.heads import HEADS, make_head
from embedkit.spec import Spec, parameters
from embedkit.statistics import images_for, interval

SHARED = Path(os.environ.get("EMBEDKIT_SHARED_DATA", Path(__file__).parents[2] / "shared" / "data"))
BUDGETS = (1, 2, 5, 10, 25, 50, 100)
CARVED = 6000
OTHERS: dict[str, list[dict[str, Any]]] = {
    "linear": [{"weight_decay": decay} for decay in (0.0, 0.1, 1.0, 10.0)],
    "mlp": [
        *({"weight_decay": decay} for decay in (0.0, 0.1, 1.0)),
        *({"hidden": widths} for widths in ((64,), (512,), (256, 256))),
        *({"dropout": share} for share in (0.0, 0.2, 0.8)),
        {"label_smoothing": 0.1},
    ],
}


def variations(head: str) -> list[Spec]:
    """The default, and what is set beside it."""
    default = {name: parameter.default for name, parameter in parameters(HEADS[head].build).items()}
    longer = {name: 4 * default[name] for name in ("steps", "epochs")}
    rates = {factor: float(f"{default['learning_rate'] * factor:.2g}") for factor in (0.1, 1 / 3, 3, 10)}
    changes = [{}, longer, *({"learning_rate": rate} for rate in rates.values())]
    changes += [{**longer, "learning_rate": rates[1 / 3]}, *OTHERS[head]]
    return [Spec(head, tuple(sorted(change.items()))) for change in changes]


def carve(number: int) -> Path:
    """A folder with 6,000 of CIFAR-10's training images, in class folders."""
    from pyarrow import parquet

    columns = parquet.read_table(SHARED / "cifar10" / "train-00000-of-00001.parquet")
    columns = columns.slice(number * CARVED, CARVED)
    for i, (image, label) in enumerate(zip(columns["image"].to_pylist(), columns["label"].to_pylist(), strict=True)):
        folder = artefacts.folder("benchmarks", f"cifar10-{number}", str(label))
        (folder / f"{i:04d}.jpg").write_bytes(image["bytes"])
    return artefacts.folder("benchmarks", f"cifar10-{number}")


def draw(y: np.ndarray, budget: int, repeat: int) -> np.ndarray:
    """Indices of so many labels per class; a smaller budget is part of a larger one."""
    order = np.random.default_rng(repeat).permutation(len(y))
    return np.concatenate([order[y[order] == label][:budget] for label in np.unique(y)])


def hits(spec: Spec, X: np.ndarray, y: np.ndarray, draws: int) -> tuple[np.ndarray, float]:
    """Which test images were right, (draws, budgets, n), and the seconds of all fits together."""
    half = len(X) // 2
    right, fit_s = np.zeros((draws, len(BUDGETS), len(X) - half)), 0.0
    for repeat in range(draws):
        for place, budget in enumerate(BUDGETS):
            labelled = draw(y[:half], budget, repeat)
            started = time.perf_counter()
            head = make_head(spec, seed=repeat).fit(X[labelled], y[labelled])
            fit_s += time.perf_counter() - started
            right[repeat, place] = head.predict(X[half:]) == y[half:]
    return right, fit_s


def main(backbone: str = "squeezenet", number: str = "0", draws: str = "10") -> None:
    torch.set_num_threads(1)
    if backbone == "squeezenet":
        backbone = f"squeezenet1_0(weights={str(SHARED / 'weights' / 'squeezenet1_0-deepcompression.pth')!r})"
    X, y = ek.embed(str(carve(int(number))), backbone)
    mixed = np.random.default_rng(0).permutation(len(X))
    X, y = X[mixed], y[mixed]
    images = images_for("accuracy", np.zeros(len(X) - len(X) // 2, dtype=int), np.arange(len(X) - len(X) // 2))
    print(f"{X.shape[1]} numbers per image, {draws} draws; accuracy and gain over the default, %")
    print(f"{'labels per class':48}", *(f"{budget:>11}" for budget in BUDGETS), "    mean gain, 95%  time")
    for name in ("linear", "mlp"):
        make_head(name).fit(X[:100], y[:100])  # the first fit imports torch's optimizers
        default, default_s = hits(Spec(name), X, y, int(draws))
        for spec in variations(name):
            right, fit_s = hits(spec, X, y, int(draws))
            accuracy, gain = 100 * right.mean((0, 2)), 100 * (right - default).mean((0, 2))
            mean = interval((right - default).mean(1), images)
            cells = (f"{a:5.1f} {g:+5.1f}" for a, g in zip(accuracy, gain, strict=True))
            total = f"{100 * mean.estimate:+6.2f} ± {100 * mean.half_width:.2f}"
            print(f"{spec!s:48}", *cells, f"{total:>18} {fit_s / default_s:4.1f}x", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
