"""The recipe of a trained encoder: what decides it, from what is written, what is left to defaults, and the images."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field

from embedkit import artefacts
from embedkit.backbones.autoencoder_network import Autoencoder
from embedkit.backbones.backbone import Images, common_side
from embedkit.backbones.corruption import Corruption
from embedkit.backbones.reconstruction import Loss
from embedkit.errors import EmbedkitError
from embedkit.training import Precision, has_bfloat16

Kind = Literal["denoising", "plain", "stacked", "masked", "variational"]
Count = Annotated[int, Field(ge=1)]
Strength = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, lt=1)]
Rate = Annotated[float, Field(gt=0)]
Seed = Annotated[int, Field(ge=0)]
_Side = Annotated[int, Field(ge=1, le=4096)]

BATCH_SIZE, BATCH_PIXELS_MAX = 128, 2**21
"""Larger batches of images beyond 128 x 128 would take gigabytes for what each layer gives."""
EPOCHS, STEPS_MIN = 40, 480
SIDE_MAX = 32

CORRUPTIONS: dict[Kind, dict[str, float]] = {
    "denoising": {"noise": 0.3},
    "plain": {},
    "stacked": {"noise": 0.3},
    "masked": {"drop": 0.5},
    "variational": {},
}
"""What each kind does to its input, where nothing else is written."""


class Recipe(BaseModel):
    """Everything that decides a trained encoder: its key is made of it, and its file carries it.

    Attributes
    ----------
    input : tuple of int
        Channels, height and width.
    distort, noise, drop : float
        As in `Corruption`.
    precision : {"auto", "float32", "bfloat16"}
        What training computes in; "auto" is bfloat16 on what is made for it, so that keys are the same everywhere.
    trained_on : str
        Which images, by their content.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal[2] = 2
    input: tuple[_Side, _Side, _Side]
    kind: Kind = "denoising"
    dim: Count = 64
    width: Count = 32
    epochs: Count
    loss: Loss = "mse"
    distort: Strength = 0.0
    noise: Strength = 0.0
    drop: Share = 0.0
    learning_rate: Rate = 3e-3
    precision: Precision | Literal["auto"] = "auto"
    seed: Seed = 0
    trained_on: str

    @property
    def corruption(self) -> Corruption:
        """What is done to the input."""
        return Corruption(self.distort, self.noise, self.drop)

    @property
    def batch_size(self) -> int:
        """Of training."""
        return _batch_size(*self.input[1:])

    def on(self, device: str) -> Recipe:
        """With the precision that training on a device has."""
        if self.precision != "auto":
            return self
        return self.model_copy(update={"precision": "bfloat16" if has_bfloat16(device) else "float32"})

    def plain(self) -> dict[str, Any]:
        """Plain values for keys and metadata."""
        return self.model_dump(mode="json")

    def untrained(self) -> Autoencoder:
        """The network as the seed draws it."""
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(self.seed)
            mirror, spread = self.kind == "stacked", self.kind == "variational"
            return Autoencoder(*self.input, self.dim, self.width, mirror=mirror, spread=spread)


def make_recipe(images: Images, written: dict[str, Any]) -> Recipe:
    """The recipe for a pool, with parameters as they are written in a spec, and defaults for the others.

    Images stay as they are where all share one size up to 32 x 32; others are resized to 32 x 32, or to what is written
    as `image_size`. Without `epochs` there are 40, and at least 480 steps.

    Raises
    ------
    EmbedkitError
        Where parameters contradict each other.
    """
    dataset, pool = images
    given = {name: value for name, value in written.items() if name != "image_size"}
    _check_consistent(given)
    height, width, channels = dataset.shape or (SIDE_MAX, SIDE_MAX, 3)
    if side := written.get("image_size") or common_side(dataset.shape, SIDE_MAX):
        height = width = side
    per_epoch = max(1, math.ceil(len(pool) / _batch_size(height, width)))
    enough = max(EPOCHS, math.ceil(STEPS_MIN / per_epoch))
    corruption = CORRUPTIONS[given.get("kind", "denoising")]
    trained_on = artefacts.key([dataset.content, pool.tolist()])
    return Recipe(**{"epochs": enough, **corruption, **given}, input=(channels, height, width), trained_on=trained_on)


def _batch_size(height: int, width: int) -> int:
    return min(BATCH_SIZE, max(1, BATCH_PIXELS_MAX // (height * width)))


def _check_consistent(written: dict[str, Any]) -> None:
    kind, loss = written.get("kind", "denoising"), written.get("loss", "mse")
    corrupting = [name for name in ("noise", "drop", "distort") if written.get(name)]
    if kind == "plain" and corrupting:
        raise EmbedkitError(
            f'a plain autoencoder sees images as they are; leave {corrupting[0]} out, or write kind="denoising"'
        )
    if kind == "masked" and written.get("drop") == 0:
        raise EmbedkitError('a masked autoencoder learns from what is dropped; write drop above 0, or kind="denoising"')
    if kind == "stacked" and loss != "mse":
        raise EmbedkitError(
            f"the layers of a stacked autoencoder give back numbers that are no grey levels; leave loss={loss!r} out"
        )


def check_same(written: dict[str, Any], recipe: Recipe, file: str) -> None:
    """Hold what is written beside a file of weights against the recipe that it carries.

    Raises
    ------
    EmbedkitError
        Where something differs.
    """
    there = recipe.plain()
    if written.get("image_size") == recipe.input[1] == recipe.input[2]:
        there["image_size"] = recipe.input[1]
    for name, value in written.items():
        if there.get(name) != value:
            has = there.get(name, f"{recipe.input[1]}x{recipe.input[2]}")
            raise EmbedkitError(
                f"autoencoder(weights={file!r}): {name}={value!r} contradicts the file, which was made with "
                f"{name}={has!r}; leave {name} out"
            )
