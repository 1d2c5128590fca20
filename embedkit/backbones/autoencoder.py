"""Autoencoder backbones: trained to give back the unlabelled training images; the decoder is then removed."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import torch
from torch import nn

from embedkit.backbones.autoencoder_recipe import (
    Count,
    Kind,
    Rate,
    Recipe,
    Seed,
    Share,
    Strength,
    check_same,
    make_recipe,
)
from embedkit.backbones.backbone import Backbone, Images, Network, Progress
from embedkit.backbones.encoder_files import read_encoder, read_recipe
from embedkit.backbones.layers import layers_of, outputs_of, skeleton
from embedkit.backbones.network import ImageSize, Layers
from embedkit.backbones.pool_images import as_input
from embedkit.backbones.pooling import Pool
from embedkit.backbones.pretraining import trained_encoder
from embedkit.backbones.reconstruction import Loss
from embedkit.backbones.weights import file_sha256, weights_file
from embedkit.errors import EmbedkitError, NotApplicable
from embedkit.training import Precision

POOL_MIN = 100
SIDE_MIN, SIDE_MAX = 8, 224


def autoencoder(
    images: Images,
    *,
    kind: Kind | None = None,
    dim: Count | None = None,
    width: Count | None = None,
    epochs: Count | None = None,
    loss: Loss | None = None,
    noise: Strength | None = None,
    drop: Share | None = None,
    distort: Strength | None = None,
    image_size: ImageSize = None,
    learning_rate: Rate | None = None,
    precision: Precision | None = None,
    seed: Seed | None = None,
    weights: str = "pool",
    layer: Layers = None,
    pool: Pool = "avg",
) -> Backbone:
    """convolutional autoencoder trained on the pool; by default kind="denoising", noise=0.3, dim=64, width=32, seed=0

    Other kinds are "plain", "stacked" (layer by layer), "masked" and "variational". There are 40 epochs, but at least
    480 steps. Images stay as they are where all share one size up to 32 x 32; others are resized to 32 x 32, or to
    `image_size`, their ratio not kept. With weights "none" it is the untrained encoder, a control; with a file of
    ``embedkit pretrain`` that encoder, and nothing that is written may contradict the file. An image is the bottleneck,
    or the pooled outputs of blocks of the encoder: `layer` is stem, down1, down2, ... or several.
    """
    asked: dict[str, Any] = {
        "kind": kind,
        "dim": dim,
        "width": width,
        "epochs": epochs,
        "loss": loss,
        "noise": noise,
        "drop": drop,
        "distort": distort,
        "image_size": image_size,
        "learning_rate": learning_rate,
        "precision": precision,
        "seed": seed,
    }
    written = {name: value for name, value in asked.items() if value is not None}
    if weights in ("pool", "none"):
        recipe, about = _of_pool(images, written, weights == "pool")
    else:
        file = weights_file(weights, '"pool", "none" or a file of embedkit pretrain')
        recipe, about = _of_file(images, written, file)
    names = (layer,) if isinstance(layer, str) else layer or ("bottleneck",)
    bare = skeleton(lambda: recipe.untrained().encoder)
    inputs = torch.zeros(2, *recipe.input, device="meta")
    _try_out(bare, names, pool, inputs)

    def network(device: str, progress: Progress) -> Network:
        if weights == "pool":
            encoder = trained_encoder(recipe, images, device, progress)
        else:
            encoder = recipe.untrained().encoder if weights == "none" else read_encoder(file, recipe)
        module = outputs_of(encoder, names, pool, "autoencoder").eval().to(device)
        return Network(module, lambda image: as_input(image, recipe.input))

    return Backbone(
        {"name": "autoencoder", **about, "layer": list(names), "pool": pool},
        network,
        training_passes=recipe.epochs * len(images.pool) if weights == "pool" else 0,
        layers=lambda: layers_of(bare, inputs),
    )


def architecture(file: str) -> dict[str, Any]:
    """The parameters that make an untrained encoder of the shape that a file has."""
    recipe = read_recipe(weights_file(file))
    _, height, width = recipe.input
    size = {"image_size": height} if height == width and SIDE_MIN <= height <= SIDE_MAX else {}
    return {"dim": recipe.dim, "width": recipe.width, "seed": recipe.seed, **size}


def _of_pool(images: Images, written: dict[str, Any], trained: bool) -> tuple[Recipe, dict[str, Any]]:
    """The recipe of the network, and what keys are made of."""
    dataset, pool = images
    if dataset is None:
        raise EmbedkitError(
            "the layers of an autoencoder follow the size of the images: stem, down1, down2, ..., one for each halving "
            "down to about 4 x 4, and bottleneck"
        )
    size = written.get("image_size", SIDE_MIN)
    if not SIDE_MIN <= size <= SIDE_MAX:
        raise EmbedkitError(f"autoencoder(image_size={size}): an autoencoder takes images of 8x8 to 224x224")
    recipe = make_recipe(images, written)
    if not trained:
        kept = ("version", "input", "dim", "width", "seed")
        return recipe, {"weights": "none", **{name: recipe.plain()[name] for name in kept}}
    if len(pool) < POOL_MIN:
        raise NotApplicable(
            f"an autoencoder needs at least {POOL_MIN} images that are never tested on; "
            f"{dataset.name} has {len(pool)} (cross-validation tests on every labelled image: "
            "add unlabelled ones, or use --evaluation fixed)"
        )
    return recipe, {"weights": "pool", **recipe.plain()}


def _of_file(images: Images, written: dict[str, Any], file: Path) -> tuple[Recipe, dict[str, Any]]:
    """The same for a file of weights, which is looked at before anything runs."""
    recipe = read_recipe(file)
    check_same(written, recipe, file.name)
    read_encoder(file, recipe)
    channels = images.dataset.shape[2] if images.dataset is not None and images.dataset.shape else recipe.input[0]
    if channels > recipe.input[0]:
        raise EmbedkitError(
            f"{file.name!r} was trained on grey images, and those of {images.dataset.name} have colours"
        )
    return recipe, {"weights": file_sha256(file), "version": recipe.version, "seed": recipe.seed}


def _try_out(bare: nn.Module, names: tuple[str, ...], pool: Pool, inputs: torch.Tensor) -> None:
    blocks = [name for name, _ in bare.named_children()]
    for name in names:
        if name not in dict(bare.named_modules()):
            size = "x".join(map(str, inputs.shape[2:]))
            raise EmbedkitError(
                f"an autoencoder of images of {size} has no layer {name!r}; layers: {', '.join(blocks)}"
            )
    try:
        with torch.inference_mode():
            outputs_of(copy.deepcopy(bare), names, pool, "autoencoder")(inputs)
    except EmbedkitError as error:
        raise EmbedkitError(f"autoencoder: {error}") from None
