"""The command that trains an encoder and keeps it in a file: ``embedkit pretrain DATASET --out FILE``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from embedkit.console import Console
from embedkit.errors import EmbedkitError, NotApplicable

if TYPE_CHECKING:
    from embedkit.backbones.autoencoder_recipe import Recipe


def pretrain(
    dataset: Annotated[str, typer.Argument(help="a name, a folder or file of images, or a spec", show_default=False)],
    out: Annotated[Path, typer.Option(help="where the encoder goes, such as encoder.safetensors", show_default=False)],
    backbone: Annotated[str, typer.Option(help="what is trained: autoencoder(...)")] = "autoencoder",
    labels: Annotated[
        str | None, typer.Option(help="a CSV file: path,label[,group][,split]", show_default=False)
    ] = None,
    evaluation: Annotated[
        Literal["auto", "fixed", "cv"], typer.Option(help="as in embedkit run: decides which images are never seen")
    ] = "auto",
    device: Annotated[str, typer.Option(help="auto, cpu or cuda")] = "auto",
) -> None:
    """Train an autoencoder on the pool of a data set, without labels or test images, and keep its encoder in a file.

    A study uses it by --backbones 'autoencoder(weights="encoder.safetensors")'. The same command again goes on where
    it was stopped, or finds the encoder that is there.
    """
    from embedkit import artefacts, sampling
    from embedkit.backbones import Images, make_backbone
    from embedkit.backbones.encoder_files import encoder_file, recipe_of, training_record
    from embedkit.datasets import dataset_spec
    from embedkit.opening import opened
    from embedkit.plan import chosen_device
    from embedkit.spec import parse

    _check_writable(out)
    on, console = chosen_device(device), Console()
    images = opened(dataset, dataset_spec(dataset, labels), "auto", console)
    try:
        made = make_backbone(parse(backbone), Images(images, sampling.pool_of(images, evaluation)))
    except NotApplicable as reason:
        raise EmbedkitError(str(reason)) from None
    recipe = recipe_of(made.recipe)
    if recipe is None:
        raise EmbedkitError(f"{backbone} is not trained on a pool; what is trained is an autoencoder(...)")
    _check_other(out, recipe.on(on))
    with console.stage(f"training {backbone} on {dataset}", 1) as advance:
        made.network(on, advance)
    artefacts.write_atomically(out, encoder_file(recipe.on(on)).read_bytes())
    record = training_record(made.recipe)
    assert record is not None
    channels, height, width = recipe.input
    colours = "grey" if channels == 1 else "coloured"
    print(f"{out}: {recipe.dim} numbers for {colours} images of {height}x{width}; last loss {record.curve[-1, 1]:.4f}")


def _check_other(out: Path, recipe: Recipe) -> None:
    """The file of another encoder stays; the same one may be written again."""
    from embedkit.backbones.encoder_files import read_recipe

    if not out.exists():
        return
    try:
        same = read_recipe(out) == recipe
    except EmbedkitError:
        same = False
    if not same:
        raise EmbedkitError(f"{out} is there already, and is not this encoder; give another name, or remove it")


def _check_writable(out: Path) -> None:
    """Before an hour of training, not after it."""
    if out.suffix != ".safetensors":
        raise EmbedkitError(f"--out {out}: the file of an encoder ends in .safetensors")
    if not out.parent.is_dir():
        raise EmbedkitError(f"--out {out}: there is no folder {str(out.parent)!r}; make it, or give another file")
