"""How fast an autoencoder is trained, beside the loop that people write.

The same network, images, number of steps, schedule and noise, all in one process on all cores:

- PyTorch: `DataLoader`, float32, contiguous tensors, AdamW; without workers, and with one per core;
- embedkit: `trained_encoder`, which `embedkit pretrain` calls, from images to a stored encoder, in both precisions.

Printed for each: images a second, the ratio to the faster of the first two, the share of the measured peak of the
processor's float32 (or bfloat16) convolutions, and the mean loss of the last epoch. Ways take turns, `rounds` times;
the median counts.

Usage: python benchmarks/side_by_side/pretraining.py [images] [epochs] [rounds]
The defaults are 4000 images, 3 epochs and 3 rounds. Images are those of MNIST's training set in the folder that
EMBEDKIT_SHARED_DATA names, or ../shared/data; without them the digits of scikit-learn, enlarged to 28 x 28.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from unittest.mock import patch

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the command does

import numpy as np
import torch
from extraction import CORES, SHARED, empty_folder, peak
from torch import nn
from torch.utils.data import DataLoader, Dataset
from torch.utils.flop_counter import FlopCounterMode

from embedkit.backbones import Images
from embedkit.backbones.autoencoder_recipe import Recipe, make_recipe
from embedkit.backbones.encoder_files import training_record
from embedkit.backbones.pretraining import GRADIENT_NORM_MAX, WEIGHT_DECAY, trained_encoder
from embedkit.datasets import open_dataset
from embedkit.spec import parse
from embedkit.training import one_cycle

Way = Callable[[np.ndarray, Recipe], float]
"""Trains; returns the mean loss of the last epoch."""


def some_images(n: int) -> tuple[np.ndarray, str]:
    """(n, 28, 28) uint8."""
    if (SHARED / "mnist").is_dir():
        from torchvision.datasets import MNIST

        every = MNIST(str(SHARED / "mnist"), train=True).data.numpy()
        return every[np.linspace(0, len(every) - 1, n).astype(int)], "digits of MNIST"  # they may lie sorted by class
    from sklearn.datasets import load_digits

    digits = torch.tensor(load_digits().images[:, None] * 15.9375, dtype=torch.float32)
    enlarged = nn.functional.interpolate(digits, size=(28, 28), mode="bilinear")[:, 0]
    return np.resize(enlarged.round().clamp(0, 255).numpy().astype(np.uint8), (n, 28, 28)), "enlarged digits"


class Pictures(Dataset):
    def __init__(self, images: np.ndarray) -> None:
        self.images = images

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, i: int) -> torch.Tensor:
        return torch.from_numpy(self.images[i]).float().div(255)[None]


def by_pytorch(workers: int) -> Way:
    def train(images: np.ndarray, recipe: Recipe) -> float:
        loader = DataLoader(
            Pictures(images),
            batch_size=recipe.batch_size,
            shuffle=True,
            num_workers=workers,
            persistent_workers=workers > 0,
        )
        network = recipe.untrained()
        optimizer = torch.optim.AdamW(network.parameters(), lr=1.0, weight_decay=WEIGHT_DECAY)
        steps = recipe.epochs * len(loader)
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: one_cycle(min(step, steps - 1), steps, recipe.learning_rate)
        )
        for _ in range(recipe.epochs):
            losses = []
            for clean in loader:
                loss = nn.functional.mse_loss(network(clean + recipe.noise * torch.randn_like(clean)), clean)
                optimizer.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(network.parameters(), GRADIENT_NORM_MAX)
                optimizer.step()
                schedule.step()
                losses.append(loss.item())
        return float(np.mean(losses))

    return train


def by_embedkit(precision: str) -> Way:
    def train(images: np.ndarray, recipe: Recipe) -> float:
        dataset = replace(open_dataset(parse("digits")), image=lambda i: images[i][..., None])
        in_bits = recipe.model_copy(update={"precision": precision})
        with empty_folder() as cache, patch.dict(os.environ, {"EMBEDKIT_CACHE": str(cache)}):
            trained_encoder(in_bits, Images(dataset, np.arange(len(images))), "cpu", lambda *news: None)
            record = training_record({"name": "autoencoder", "weights": "pool", **in_bits.plain()})
        assert record is not None
        return record.curve[-1, 1]

    return train


def macs_of_a_step(recipe: Recipe) -> float:
    """Multiply-accumulates of an image that passes forward and backward."""
    network, batch = recipe.untrained(), torch.zeros(recipe.batch_size, *recipe.input)
    with FlopCounterMode(display=False) as counter:
        network(batch).sum().backward()
    return counter.get_total_flops() / 2 / recipe.batch_size


def main() -> None:
    n, epochs, rounds = (int(text) for text in (*sys.argv[1:4], *("4000", "3", "3")[len(sys.argv[1:4]) :]))
    images, what = some_images(n)
    digits = replace(open_dataset(parse("digits")), shape=(28, 28, 1))
    recipe = make_recipe(Images(digits, np.arange(n)), {"epochs": epochs})
    peaks = {"float32": peak(torch.float32), "bfloat16": peak(torch.bfloat16)}
    told = ", ".join(f"{bits} {2 * rate / 1e9:.0f} GFLOP/s" for bits, rate in peaks.items())
    print(f"{n} {what}, {epochs} epochs, {CORES} cores, {rounds} rounds; peak of convolutions on all cores: {told}")
    ways: dict[str, Way] = {
        "PyTorch, no workers": by_pytorch(0),
        f"PyTorch, {CORES} workers": by_pytorch(CORES),
        "embedkit, float32": by_embedkit("float32"),
        "embedkit, bfloat16": by_embedkit("bfloat16"),
    }
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    losses = {}
    for _ in range(rounds):
        for way, train in ways.items():
            torch.manual_seed(0)
            started = time.perf_counter()
            losses[way] = train(images, recipe)
            seconds[way].append(time.perf_counter() - started)
    usual = min(statistics.median(taken) for way, taken in seconds.items() if way.startswith("PyTorch"))
    macs = macs_of_a_step(recipe)
    print(f"{'':22} images/s  ratio  share of peak  last loss")
    for way, all_taken in seconds.items():
        taken = statistics.median(all_taken)
        share = macs * n * epochs / taken / peaks["bfloat16" if "bfloat16" in way else "float32"]
        print(f"{way:22} {n * epochs / taken:8.0f} {usual / taken:6.2f} {share:14.1%} {losses[way]:10.4f}")


if __name__ == "__main__":
    main()
