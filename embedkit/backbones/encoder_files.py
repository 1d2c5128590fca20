"""Trained encoders on disk: weights with the recipe that they were made by, and what their training looked like."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from pydantic import ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import nn

from embedkit import artefacts
from embedkit.backbones.autoencoder_recipe import Recipe
from embedkit.backbones.layers import skeleton
from embedkit.backbones.weights import fitting_state
from embedkit.errors import EmbedkitError


class TrainingRecord(NamedTuple):
    """What the training of an encoder looked like, for a report."""

    curve: np.ndarray
    """(epochs, 2) float64: steps done, mean loss; of a stacked one, layer after layer."""
    originals: np.ndarray
    """(n, h, w, C) uint8: some images of the pool."""
    inputs: np.ndarray
    """What the network saw of them, corrupted."""
    reconstructions: np.ndarray
    """What it made of that."""


def recipe_of(backbone: dict[str, Any]) -> Recipe | None:
    """The recipe of the encoder of a backbone that is trained on a pool, from `Backbone.recipe`; None for others."""
    if (backbone["name"], backbone.get("weights")) != ("autoencoder", "pool"):
        return None
    return Recipe(**{name: value for name, value in backbone.items() if name in Recipe.model_fields})


def encoder_file(recipe: Recipe) -> Path:
    """Where the encoder of a recipe is, or will be."""
    return artefacts.cache() / "encoders" / artefacts.key(recipe.plain()) / "encoder.safetensors"


def write_encoder(file: Path, encoder: nn.Module, recipe: Recipe) -> None:
    """Weights and recipe; raises where the file cannot be written."""
    state = {name: value.detach().cpu().contiguous() for name, value in encoder.state_dict().items()}
    artefacts.write_atomically(file, save(state, {"recipe": json.dumps(recipe.plain())}))


def read_recipe(file: Path) -> Recipe:
    """The recipe that a file of ours carries.

    Raises
    ------
    EmbedkitError
        Where the file cannot be read or carries none.
    """
    try:
        with safe_open(file, framework="pt") as opened:
            return Recipe.model_validate_json((opened.metadata() or {})["recipe"])
    except OSError as error:
        raise EmbedkitError(f"cannot read the weights file {str(file)!r}: {error.strerror or error}") from None
    except (SafetensorError, KeyError, ValidationError):
        raise EmbedkitError(
            f"{file.name!r} is no file of embedkit pretrain: those carry the recipe of their autoencoder; "
            "make one by: embedkit pretrain DATASET --out encoder.safetensors"
        ) from None


def read_encoder(file: Path, recipe: Recipe) -> nn.Sequential:
    """The encoder of a file, in evaluation mode.

    Raises
    ------
    EmbedkitError
        Where the weights do not fit the recipe.
    """
    bare = skeleton(lambda: recipe.untrained().encoder)
    state = fitting_state(bare, "the recipe that it carries", file)
    encoder = recipe.untrained().encoder
    encoder.load_state_dict(state)
    return encoder.eval()


def write_record(file: Path, record: TrainingRecord) -> None:
    artefacts.write_atomically(file, save({name: torch.tensor(value) for name, value in record._asdict().items()}))


def training_record(backbone: dict[str, Any]) -> TrainingRecord | None:
    """Loss curve and reconstructions of the encoder of a backbone; None where it was not trained here.

    Parameters
    ----------
    backbone : dict
        `Backbone.recipe`, as in the manifests of the store.
    """
    recipe = recipe_of(backbone)
    if recipe is None:
        return None
    precisions = ("bfloat16", "float32") if recipe.precision == "auto" else (recipe.precision,)
    for precision in precisions:
        file = encoder_file(recipe.model_copy(update={"precision": precision})).with_name("training.safetensors")
        if file.exists():
            with safe_open(file, framework="numpy") as opened:
                return TrainingRecord(*(opened.get_tensor(name) for name in TrainingRecord._fields))
    return None
