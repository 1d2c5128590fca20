"""The classification networks of torchvision, with ImageNet weights, weights from a file, or none."""

from __future__ import annotations

import hashlib
import pickle
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import torch
import torchvision
from pydantic import Field
from torch import nn

from embedkit.backbones.backbone import Backbone, Images, Network, Progress
from embedkit.backbones.preprocessing import Preprocessing, of_preset
from embedkit.errors import EmbedkitError


def names() -> list[str]:
    """The classification networks that torchvision has."""
    return sorted(torchvision.models.list_models(module=torchvision.models))


def pretrained(
    name: str, images: Images, *, weights: str = "default", seed: Annotated[int, Field(ge=0)] = 0
) -> Backbone:
    """a torchvision network; weights "default" (ImageNet), "none" (control, drawn from the seed), or a file"""
    del images
    default = torchvision.models.get_model_weights(name).DEFAULT
    transform = of_preset(default.transforms())
    recipe: dict[str, Any] = {"name": name, "version": 1, "transform": transform.recipe()}
    if weights == "none":
        recipe |= {"weights": "none", "seed": seed}
    elif weights == "default":
        recipe |= {"weights": str(default)}
    else:
        recipe |= {"weights": _file_sha256(weights)}
        _from_file(name, Path(weights), transform)  # a file that does not fit is an error before anything runs

    def network(device: str, progress: Progress) -> Network:
        if weights == "default":
            module = _downloaded(name, default)
        elif weights == "none":
            module = _untrained(name, seed)
        else:
            module = _from_file(name, Path(weights), transform)
        classifier = _final_classifier(module, transform)
        embedder = PooledInput(module, classifier).eval().to(device)
        return Network(embedder, transform)

    return Backbone(recipe, network, download=_download(default) if weights == "default" else "")


class PooledInput(nn.Module):
    """The pooled input of a network's final classifier: (b, 3, h, w) to (b, d). The classifier is taken out."""

    def __init__(self, module: nn.Module, classifier: str) -> None:
        super().__init__()
        module.set_submodule(classifier, _Stop())
        self.module = module

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        try:
            self.module(batch)
        except _Reached as reached:
            features = reached.features
        return features.mean(dim=(2, 3)) if features.ndim == 4 else features.flatten(1)


class _Reached(Exception):
    """Carries the features out of the forward pass: nothing behind the embedding is computed."""

    def __init__(self, features: torch.Tensor) -> None:
        self.features = features


class _Stop(nn.Module):
    def forward(self, features: torch.Tensor) -> torch.Tensor:
        raise _Reached(features)


def _final_classifier(module: nn.Module, transform: Preprocessing) -> str:
    """The name of the last layer with weights that an image passes through."""
    called: list[str] = []
    hooks = [
        layer.register_forward_pre_hook(lambda _layer, _inputs, name=name: called.append(name))
        for name, layer in module.named_modules()
        if isinstance(layer, nn.Linear | nn.Conv2d)
    ]
    with torch.inference_mode():
        module.eval()(torch.zeros(1, 3, transform.crop, transform.crop))
    for hook in hooks:
        hook.remove()
    return called[-1]


def _untrained(name: str, seed: int) -> nn.Module:
    # with weights, torchvision has these two renormalise their input and takes their second classifier out
    inception = name in ("googlenet", "inception_v3")
    options = {"transform_input": True, "init_weights": True, "aux_logits": False} if inception else {}
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.default_generator.manual_seed(seed)
        return torchvision.models.get_model(name, weights=None, **options)


def _file_of(default: Any) -> Path:
    return Path(torch.hub.get_dir(), "checkpoints", default.url.rsplit("/", 1)[-1])


def _download(default: Any) -> str:
    file = _file_of(default)
    return (
        "" if file.exists() else f"{default}, {default.meta['_file_size']:.0f} MB, from {default.url} to {file.parent}"
    )


def _downloaded(name: str, default: Any) -> nn.Module:
    try:
        return torchvision.models.get_model(name, weights=default, progress=False)
    except (OSError, RuntimeError) as error:  # no network, no space; a file that was cut short
        given = f'{name}(weights="{_file_of(default).name}")'
        raise EmbedkitError(
            f"the ImageNet weights of {name} could not be downloaded ({getattr(error, 'reason', error)}); "
            f"fetch {default.url} where there is a network and give the file: {given}"
        ) from None


def _file_sha256(path: str) -> str:
    try:
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise EmbedkitError(
            f'cannot read the weights file {path!r}: {error.strerror}; weights are "default", "none" or a file'
        ) from None


def _from_file(name: str, path: Path, transform: Preprocessing) -> nn.Module:
    """The network with a state_dict loaded; the final classifier, which embeddings do not pass through, need not fit.

    Raises
    ------
    EmbedkitError
        Where the file is no state_dict, or keys are missing or of another shape: counted, the first named.
    """
    stored = _state_dict(path)
    module = _untrained(name, seed=0)
    classifier = _final_classifier(module, transform)
    wanted = module.state_dict()
    needed = [key for key in wanted if not key.startswith(f"{classifier}.") and not key.endswith("num_batches_tracked")]
    missing = [key for key in needed if key not in stored]
    if missing:
        raise EmbedkitError(
            f"weights file {path.name!r} does not fit {name}: {len(missing)} keys missing (first: {missing[0]!r})"
        )
    misshapen = [key for key in needed if stored[key].shape != wanted[key].shape]
    if misshapen:
        first = misshapen[0]
        raise EmbedkitError(
            f"weights file {path.name!r} does not fit {name}: {len(misshapen)} keys have another shape "
            f"(first: {first!r} is {tuple(stored[first].shape)}, needed is {tuple(wanted[first].shape)})"
        )
    wanted.update({key: stored[key] for key in needed})
    module.load_state_dict(wanted)
    return module


def _state_dict(path: Path) -> Mapping[str, torch.Tensor]:
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            stored: Any = load_file(path)
        else:
            stored = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        raise EmbedkitError(
            f"weights file {path.name!r} is damaged, or holds more than tensors and is not opened, since it could run "
            "code; save module.state_dict() and give that"
        ) from None
    except Exception as error:  # safetensors and torch raise many kinds for a damaged file
        raise EmbedkitError(f"cannot read the weights file {path.name!r}: {error}") from None
    stored = stored.get("state_dict", stored) if isinstance(stored, dict) else stored
    if not isinstance(stored, dict) or not all(isinstance(value, torch.Tensor) for value in stored.values()):
        raise EmbedkitError(f"weights file {path.name!r} is no state_dict; save module.state_dict() and give that")
    return {_todays_name(key.removeprefix("module.")): value for key, value in stored.items()}


def _todays_name(key: str) -> str:
    """The files that torchvision offers for densenets and vision transformers name some layers as it did before."""
    key = re.sub(r"(denselayer\d+\.(?:norm|conv))\.([12]\.)", r"\1\2", key)
    return key.replace(".mlp.linear_1.", ".mlp.0.").replace(".mlp.linear_2.", ".mlp.3.")
