"""Training an autoencoder on the pool: the encoder is made once, and found again."""

from __future__ import annotations

import math
from contextlib import AbstractContextManager, nullcontext

import numpy as np
import torch
from torch import nn

from embedkit import artefacts
from embedkit.backbones.autoencoder_network import Autoencoder
from embedkit.backbones.autoencoder_recipe import Recipe
from embedkit.backbones.backbone import Images, Progress
from embedkit.backbones.encoder_files import (
    TrainingRecord,
    encoder_file,
    read_encoder,
    write_encoder,
    write_record,
)
from embedkit.backbones.objectives import Stage, stages_of
from embedkit.backbones.pool_images import PoolImages
from embedkit.backbones.reconstruction import pixels_of
from embedkit.checkpoints import Checkpoint, Curve
from embedkit.errors import EmbedkitError
from embedkit.training import TrainingDiverged, train

GRADIENT_NORM_MAX = 0.1
WEIGHT_DECAY = 1e-4
SHOWN = 8
"""So many images are kept beside their reconstructions."""

_NAMES = {"mse": "squared error", "bce": "cross-entropy", "l1+ssim": "L1 and SSIM"}


def trained_encoder(recipe: Recipe, images: Images, device: str, progress: Progress) -> nn.Sequential:
    """The encoder of a recipe, in evaluation mode on the CPU: from its file, or trained on the pool into it.

    A training that was stopped before goes on from its last checkpoint, and ends at the same weights.

    Raises
    ------
    EmbedkitError
        Where the loss becomes NaN or infinite: the step, what to lower, and where the last good state is.
    """
    recipe = recipe.on(device)
    file = encoder_file(recipe)
    if not file.exists():
        artefacts.folder("encoders", file.parent.name)
        autoencoder = recipe.untrained()
        try:
            record = _train(autoencoder, recipe, images, device, progress)
        except TrainingDiverged as error:
            raise EmbedkitError(f"autoencoder: {error}") from None
        write_record(file.with_name("training.safetensors"), record)
        write_encoder(file, autoencoder.encoder, recipe)
        for checkpoint in file.parent.glob("*checkpoint*"):
            checkpoint.unlink(missing_ok=True)
    return read_encoder(file, recipe)


def _train(autoencoder: Autoencoder, recipe: Recipe, images: Images, device: str, progress: Progress) -> TrainingRecord:
    progress(0.0, f"reading {len(images.pool)} images")
    pool = PoolImages(images, recipe.input, device)
    autoencoder.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    assert recipe.precision != "auto"
    steps = recipe.epochs * math.ceil(len(pool) / recipe.batch_size)
    chance = torch.Generator(device)
    stages = list(stages_of(autoencoder, recipe, chance))
    curve: Curve = []
    for number, stage in enumerate(stages):

        def report(step: int, loss: float, number: int = number) -> None:
            layer = f" of layer {number + 1} of {len(stages)}" if len(stages) > 1 else ""
            share = (number * steps + step) / (len(stages) * steps)
            progress(share, f"autoencoder: step {step} of {steps}{layer}, {_NAMES[recipe.loss]} {loss:.4f}")

        def loss_of(pixels: torch.Tensor, stage: Stage = stage) -> torch.Tensor:
            return stage.loss(pixels.float() / 255)

        chance.manual_seed(recipe.seed)
        with _repeatable(device):
            of_stage = train(
                stage.network,
                loss_of,
                len(pool),
                steps=steps,
                batch_size=recipe.batch_size,
                learning_rate=recipe.learning_rate,
                weight_decay=WEIGHT_DECAY,
                generator=torch.Generator().manual_seed(recipe.seed),
                gradient_norm_max=GRADIENT_NORM_MAX,
                precision=recipe.precision,
                batches=pool.batches,
                checkpoint=Checkpoint(encoder_file(recipe).with_name(f"checkpoint{number}.safetensors"), {"": chance}),
                after_epoch=report,
                meanwhile=report,
            )
        curve += [(number * steps + step, loss) for step, loss in of_stage]
    autoencoder.eval()
    return _record(autoencoder, recipe, pool, curve, chance.manual_seed(recipe.seed))


def _repeatable(device: str) -> AbstractContextManager[None]:
    """On a GPU the fastest convolutions add up in another order each time."""
    if not device.startswith("cuda"):
        return nullcontext()
    return torch.backends.cudnn.flags(enabled=True, deterministic=True)


def _record(
    autoencoder: Autoencoder, recipe: Recipe, pool: PoolImages, curve: Curve, chance: torch.Generator
) -> TrainingRecord:
    some = torch.linspace(0, len(pool) - 1, SHOWN).long().to(chance.device)
    [originals] = pool.batches([some])
    with torch.inference_mode():
        inputs, _ = recipe.corruption(originals.float() / 255, chance)
        outputs = pixels_of(autoencoder(inputs), recipe.loss)
    return TrainingRecord(np.array(curve, dtype=np.float64), *map(_as_images, (originals / 255, inputs, outputs)))


def _as_images(batch: torch.Tensor) -> np.ndarray:
    return (batch.clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
