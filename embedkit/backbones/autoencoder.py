"""Autoencoder backbones: trained to undo noise on the unlabelled training images; the decoder is then removed."""

from __future__ import annotations

import math
import os
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Literal

import torch
from pydantic import Field
from safetensors.torch import load_file, save
from torch import nn

from embedkit import artefacts
from embedkit.backbones.backbone import Backbone, Images, Network, Progress, common_side, resized
from embedkit.errors import NotApplicable
from embedkit.training import train

Count = Annotated[int, Field(ge=1)]
POOL_MIN = 100
SIDE_MAX = 32
EPOCHS, STEPS_MIN = 40, 480
BATCH_SIZE = 128
LEARNING_RATE = 3e-3
GRADIENT_NORM_MAX = 0.1


def autoencoder(
    images: Images,
    *,
    dim: Count = 64,
    width: Count = 32,
    epochs: Count | None = None,
    noise: Annotated[float, Field(ge=0)] = 0.3,
    seed: Annotated[int, Field(ge=0)] = 0,
    weights: Literal["pool", "none"] = "pool",
) -> Backbone:
    """convolutional denoising autoencoder trained on the pool, for 40 epochs and at least 480 steps

    With weights "none" it is the untrained encoder, a control.
    """
    dataset, pool = images
    per_epoch = math.ceil(len(pool) / BATCH_SIZE)
    steps = max(EPOCHS * per_epoch, STEPS_MIN) if epochs is None else epochs * per_epoch
    side = common_side(dataset.shape, SIDE_MAX)
    channels, height, columns = _input_shape(images, side)
    recipe = {
        "name": "autoencoder",
        "version": 1,
        "input": [channels, height, columns],
        "dim": dim,
        "width": width,
        "seed": seed,
        "weights": weights,
    }
    if weights == "pool":
        if len(pool) < POOL_MIN:
            raise NotApplicable(
                f"an autoencoder needs at least {POOL_MIN} images that are never tested on; "
                f"{dataset.name} has {len(pool)} (cross-validation tests on every labelled image: "
                "add unlabelled ones, or use --evaluation fixed)"
            )
        members = artefacts.key([dataset.content, pool.tolist()])
        recipe |= {"steps": steps, "noise": noise, "pool": members}

    def network(device: str, progress: Progress) -> Network:
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            model = Autoencoder(channels, height, columns, dim, width)
        if weights == "pool":
            stored = artefacts.folder("encoders") / f"{artefacts.key(recipe)}.safetensors"
            if stored.exists():
                model.encoder.load_state_dict(load_file(stored))
            else:
                _train(model, _pool_tensor(images, side), steps, noise, seed, device, progress)
                encoder = model.encoder.to("cpu", memory_format=torch.contiguous_format)  # type: ignore[call-overload]
                artefacts.write_atomically(stored, save(encoder.state_dict()))
        return Network(model.encoder.eval().to(device), lambda image: resized(image, side))

    return Backbone(recipe, network, training_passes=steps * min(BATCH_SIZE, len(pool)) if weights == "pool" else 0)


class Autoencoder(nn.Module):
    """Strided convolutions down to about 4 x 4, a linear bottleneck, and the mirror of it at half the width.

    A decoder of full width takes twice as long and gives no better embeddings.

    Parameters
    ----------
    channels, height, columns : int
        Of the input, (b, channels, height, columns) in [0, 1].
    dim : int
        Of the bottleneck.
    width : int
        Channels of the first layer; doubled with every halving of the image.
    """

    def __init__(self, channels: int, height: int, columns: int, dim: int, width: int) -> None:
        super().__init__()
        depth = max(1, math.ceil(math.log2(max(height, columns) / 4)))
        widths = [width * 2**level for level in range(depth + 1)]
        sizes = [(height, columns)]
        for _ in range(depth):
            sizes.append((math.ceil(sizes[-1][0] / 2), math.ceil(sizes[-1][1] / 2)))
        thin = [max(1, level_width // 2) for level_width in widths]
        area = sizes[-1][0] * sizes[-1][1]
        down: list[nn.Module] = [nn.Conv2d(channels, width, 3, padding=1), nn.GELU()]
        up: list[nn.Module] = [nn.Linear(dim, thin[-1] * area), nn.Unflatten(1, (thin[-1], *sizes[-1])), nn.GELU()]
        for level in range(depth):
            down += [nn.Conv2d(widths[level], widths[level + 1], 3, stride=2, padding=1), nn.GELU()]
            back = depth - level
            up += [nn.Upsample(size=sizes[back - 1]), nn.Conv2d(thin[back], thin[back - 1], 3, padding=1)]
            up.append(nn.GELU())
        self.encoder = nn.Sequential(*down, nn.Flatten(), nn.Linear(widths[-1] * area, dim))
        self.decoder = nn.Sequential(*up, nn.Conv2d(thin[0], channels, 3, padding=1))

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        """Reconstruct (b, channels, height, columns)."""
        return self.decoder(self.encoder(batch))


def _input_shape(images: Images, side: int | None) -> tuple[int, int, int]:
    if side is None:
        assert images.dataset.shape is not None
        height, columns, channels = images.dataset.shape
        return channels, height, columns
    channels = images.dataset.shape[2] if images.dataset.shape else 3
    return channels, side, side


def _pool_tensor(images: Images, side: int | None) -> torch.Tensor:
    """The pool as (n, C, h, w) uint8."""
    dataset, pool = images
    read = dataset.image
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        return torch.stack(
            list(threads.map(lambda i: (resized(read(int(i)), side) * 255).round().to(torch.uint8), pool))
        )


def _train(
    model: Autoencoder,
    pool: torch.Tensor,
    steps: int,
    noise: float,
    seed: int,
    device: str,
    progress: Progress,
) -> None:
    model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    pool = pool.to(device, memory_format=torch.channels_last)
    noise_source = torch.Generator(device).manual_seed(seed)

    def reconstruction_error(batch: torch.Tensor) -> torch.Tensor:
        clean = pool[batch].float() / 255  # (b, C, h, w)
        noisy = clean + noise * torch.randn(clean.shape, generator=noise_source, device=device)
        return nn.functional.mse_loss(model(noisy), clean)

    def report(step: int, loss: float) -> None:
        progress(step / steps, f"autoencoder: step {step} of {steps}, squared error {loss:.4f}")

    train(
        model,
        reconstruction_error,
        len(pool),
        steps=steps,
        batch_size=BATCH_SIZE,
        learning_rate=LEARNING_RATE,
        weight_decay=1e-4,
        generator=torch.Generator().manual_seed(seed),
        gradient_norm_max=GRADIENT_NORM_MAX,
        after_epoch=report,
    )
