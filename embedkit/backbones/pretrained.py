"""The classification networks of torchvision, with ImageNet weights, weights from a file, or none."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Annotated, Any

import torch
from pydantic import Field
from torch import nn

from embedkit.backbones.backbone import Backbone, Images, Wanted
from embedkit.backbones.layers import skeleton
from embedkit.backbones.network import ImageSize, Layers, bind_network
from embedkit.backbones.pooling import Pool
from embedkit.backbones.preprocessing import Preprocessing, of_preset
from embedkit.backbones.weights import file_sha256, fitting_state, load_weights, weights_file
from embedkit.errors import EmbedkitError


def pretrained(
    name: str,
    images: Images,
    *,
    weights: str = "default",
    seed: Annotated[int, Field(ge=0)] = 0,
    layer: Layers = None,
    pool: Pool = "avg",
    image_size: ImageSize = None,
    precision: Wanted = "auto",
) -> Backbone:
    """a torchvision network; weights "default" (ImageNet), "none" (control, drawn from the seed), or a file

    Without a layer, an image is what its final classifier gets.
    """
    import torchvision

    del images
    default = torchvision.models.get_model_weights(name).DEFAULT
    transform = of_preset(default.transforms())
    bare = skeleton(lambda: _untrained(name, seed))
    classifier = final_classifier(bare, transform)
    unused = classifier if layer is None else None
    recipe: dict[str, Any] = {"name": name, "version": 2}
    if weights == "none":
        recipe |= {"weights": "none", "seed": seed}
    elif weights == "default":
        recipe |= {"weights": str(default)}
    else:
        file = weights_file(weights)
        recipe |= {"weights": file_sha256(file)}
        fitting_state(bare, name, file, unused)  # a file that does not fit is an error before anything runs

    def filled() -> nn.Module:
        if weights == "default":
            return _downloaded(name, default)
        module = _untrained(name, seed)
        if weights != "none":
            load_weights(module, name, file, unused)
        return module

    return bind_network(
        name,
        recipe,
        bare,
        filled,
        transform,
        layer=layer,
        pool=pool,
        image_size=image_size,
        precision=precision,
        classifier=classifier,
        download=_download(default) if weights == "default" else "",
    )


def final_classifier(bare: nn.Module, transform: Preprocessing) -> str:
    """The name of the last layer with weights that an image passes through."""
    called: list[str] = []
    hooks = [
        layer.register_forward_pre_hook(lambda _layer, _inputs, name=name: called.append(name))
        for name, layer in bare.named_modules()
        if isinstance(layer, nn.Linear | nn.Conv2d)
    ]
    with torch.inference_mode():
        bare(torch.zeros(1, 3, transform.crop, transform.crop, device="meta"))
    for hook in hooks:
        hook.remove()
    return called[-1]


def _untrained(name: str, seed: int) -> nn.Module:
    import torchvision

    # as torchvision makes them with its weights: the input renormalised, no second classifier; a size of its own
    if name in ("googlenet", "inception_v3"):
        options: dict[str, Any] = {"transform_input": True, "init_weights": True, "aux_logits": False}
    else:
        options = {"image_size": 518} if name == "vit_h_14" else {}
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
    import torchvision

    try:
        return torchvision.models.get_model(name, weights=default, progress=False)
    except (OSError, RuntimeError) as error:  # no network, no space; a file that was cut short
        given = f'{name}(weights="{_file_of(default).name}")'
        raise EmbedkitError(
            f"the ImageNet weights of {name} could not be downloaded ({getattr(error, 'reason', error)}); "
            f"fetch {default.url} where there is a network and give the file: {given}"
        ) from None
