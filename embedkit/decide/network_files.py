"""What a model keeps of its network: weights that cannot be had elsewhere, and how to make it again from them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save

from embedkit.backbones import Backbone, Images, Network, make_backbone
from embedkit.backbones.encoder_files import encoder_file, recipe_of
from embedkit.backbones.weights import read_state_dict
from embedkit.datasets.dataset import Dataset
from embedkit.decide.embedder import Embedder
from embedkit.embeddings.precision import COSINE_MIN, least_cosine
from embedkit.errors import EmbedkitError, NotApplicable
from embedkit.spec import Spec, parse

WEIGHTS, CODE = "backbone.safetensors", "backbone.py"
_NOT_IN_FILES = ("default", "none", "pool")


def kept_files(spec: Spec, backbone: Backbone, device: str) -> tuple[Spec, dict[str, bytes]]:
    """The spec by which a network is made from the files of its model, and the contents of these.

    Weights are kept where they were trained on a pool or came from a file; those of torchvision and timm are named.
    """
    params, files = dict(spec.params), {}
    recipe = recipe_of(backbone.recipe)
    if recipe is not None:
        files[WEIGHTS] = encoder_file(recipe.on(device)).read_bytes()
        kept = {name: value for name, value in params.items() if name in ("layer", "pool")}
        spec = Spec(spec.name, tuple(sorted({**kept, "weights": WEIGHTS}.items())))
    elif params.get("weights", "none") not in _NOT_IN_FILES:
        file = Path(params["weights"])
        files[WEIGHTS] = file.read_bytes() if spec.name == "autoencoder" else _as_safetensors(file)
        spec = spec.replace(weights=WEIGHTS)
    if spec.name == "module":
        file_name, _, function = params["path"].rpartition(":")
        files[CODE] = Path(file_name).read_bytes()
        spec = spec.replace(path=f"{CODE}:{function}")
    return spec, files


def _as_safetensors(file: Path) -> bytes:
    return save({name: tensor.clone().contiguous() for name, tensor in read_state_dict(file).items()})


def stored_network(folder: Path, about: dict[str, Any], trust_code: bool) -> Network:
    """The network of a model.

    Raises
    ------
    EmbedkitError
        Where it cannot be made: a package is missing, weights cannot be downloaded, or own code is not trusted.
    """
    spec = parse(about["spec"])
    located = {
        name: str(folder / value)
        for name, value in spec.params
        if isinstance(value, str) and value.partition(":")[0] in (WEIGHTS, CODE)
    }
    try:
        backbone = make_backbone(spec.replace(**located), Images(_blank(about), np.empty(0, np.int64)), trust_code)
    except NotApplicable as reason:
        raise EmbedkitError(str(reason)) from None
    network = backbone.network("cpu", lambda share, doing: None)
    if about["retrained"]:
        network.module.load_state_dict(load_file(folder / WEIGHTS))
    return network


def _blank(about: dict[str, Any]) -> Dataset:
    """What the builders of backbones ask of a data set: the shape of its images, or that it holds vectors."""
    none = np.empty(0, dtype=np.int64)
    shape = None if about["shape"] is None else tuple(about["shape"])
    return Dataset(
        name="the model's data",
        recipe="",
        ids=(),
        labels=none,
        classes=(),
        splits=none.astype("<U5"),
        groups=none,
        content="",
        image=lambda i: np.empty(0),
        shape=shape,
        vectors=np.empty((0, 0), np.float32) if about["of_vectors"] else None,
    )


def probe(embedder: Embedder) -> np.ndarray:
    """What the network makes of noise, (d,) float32: by it the network is known again."""
    noise = torch.Generator().manual_seed(0)
    with torch.inference_mode():
        return embedder.network.module(torch.rand(1, *embedder.input, generator=noise))[0].float().numpy()


def same_vectors(embedder: Embedder, wanted: np.ndarray) -> bool:
    """Whether the network makes of noise what it made of it when the model was fitted."""
    found = probe(embedder)
    return found.shape == wanted.shape and least_cosine(*map(torch.tensor, (found[None], wanted[None]))) >= COSINE_MIN
