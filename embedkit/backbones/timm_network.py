"""The networks of timm, where it is installed."""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from pydantic import Field
from torch import nn

from embedkit.backbones.backbone import Backbone, Images, Wanted, as_rgb
from embedkit.backbones.layers import skeleton
from embedkit.backbones.network import ImageSize, Layers, Transform, bind_network
from embedkit.backbones.pooling import Pool
from embedkit.backbones.preprocessing import Preprocessing
from embedkit.backbones.weights import file_sha256, fitting_state, load_weights, weights_file
from embedkit.errors import EmbedkitError
from embedkit.spec import did_you_mean


def timm_network(
    images: Images,
    *,
    name: str,
    weights: str = "default",
    seed: Annotated[int, Field(ge=0)] = 0,
    layer: Layers = None,
    pool: Pool = "avg",
    image_size: ImageSize = None,
    precision: Wanted = "auto",
) -> Backbone:
    """a timm network, such as "resnet18.a1_in1k"; weights "default" (those of the name's tag), "none", or a file

    Without a layer, an image is what timm gives without the classifier (``num_classes=0``).
    """
    del images
    config = _config(name)
    spec = f'timm(name="{name}")'
    bare = skeleton(lambda: _untrained(name, seed))
    recipe: dict[str, Any] = {"name": "timm", "version": 1, "architecture": config.architecture}
    if weights == "none":
        recipe |= {"weights": "none", "seed": seed}
    elif weights == "default":
        recipe |= {"weights": f"{config.architecture}.{config.tag}"}
        if not _source(config):
            raise EmbedkitError(f'{spec}: timm has no weights for it; write weights="none", or a file')
    else:
        file = weights_file(weights)
        recipe |= {"weights": file_sha256(file)}
        fitting_state(bare, spec, file)  # a file that does not fit is an error before anything runs

    def filled() -> nn.Module:
        if weights == "default":
            return _downloaded(name, config)
        module = _untrained(name, seed)
        if weights != "none":
            load_weights(module, spec, file)
        return module

    download = "" if weights != "default" or _is_here(config) else _download(config, bare)
    return bind_network(
        spec,
        recipe,
        bare,
        filled,
        _transform(config),
        layer=layer,
        pool=pool,
        image_size=image_size,
        precision=precision,
        download=download,
    )


def _config(name: str) -> Any:
    try:
        import timm
    except ImportError:
        raise EmbedkitError(f'timm(name="{name}") needs timm: pip install "embedkit[timm]"') from None
    architecture, dot, tag = name.partition(".")
    if not timm.is_model(architecture):
        raise EmbedkitError(
            f"timm has no network {architecture!r}{did_you_mean(architecture, timm.list_models())} "
            "all: python -c 'import timm; print(timm.list_models())'"
        )
    tags = [other.partition(".")[2] for other in timm.list_pretrained(f"{architecture}.*")]
    if dot and tag not in tags:
        raise EmbedkitError(
            f"timm has no weights {tag!r} for {architecture}{did_you_mean(tag, tags)} there are: {', '.join(tags)}"
        )
    return timm.get_pretrained_cfg(name)


def _untrained(name: str, seed: int) -> nn.Module:
    import timm

    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.default_generator.manual_seed(seed)
        return timm.create_model(name, pretrained=False, num_classes=0)


def _transform(config: Any) -> Transform:
    """timm's own for evaluation, resized by torch in place of Pillow."""
    from timm.data import create_transform, resolve_data_config

    data = resolve_data_config(pretrained_cfg=config.to_dict())
    _, height, width = data["input_size"]
    if height == width and data["crop_mode"] in ("center", "squash"):
        return Preprocessing(
            resize=math.floor(height / data["crop_pct"]),
            crop=height,
            interpolation=data["interpolation"],
            mean=tuple(data["mean"]),
            std=tuple(data["std"]),
            keep_ratio=data["crop_mode"] == "center",
        )
    whole = create_transform(**data, is_training=False)

    def transform(image: np.ndarray) -> torch.Tensor:
        from PIL import Image

        return whole(Image.fromarray(as_rgb(image)))

    return transform


def _source(config: Any) -> str:
    return f"https://huggingface.co/{config.hf_hub_id}" if config.hf_hub_id else config.url or ""


def _is_here(config: Any) -> bool:
    if not config.hf_hub_id:
        return Path(torch.hub.get_dir(), "checkpoints", (config.url or "").rsplit("/", 1)[-1]).is_file()
    from huggingface_hub import try_to_load_from_cache

    files = [config.hf_hub_filename] if config.hf_hub_filename else ["model.safetensors", "pytorch_model.bin"]
    return any(isinstance(try_to_load_from_cache(config.hf_hub_id, file), str) for file in files)


def _download(config: Any, bare: nn.Module) -> str:
    megabytes = sum(tensor.nbytes for tensor in bare.state_dict().values()) / 1e6
    place = "the Hugging Face cache" if config.hf_hub_id else str(Path(torch.hub.get_dir(), "checkpoints"))
    return f"{config.architecture}.{config.tag}, about {megabytes:.0f} MB, from {_source(config)} to {place}"


def _downloaded(name: str, config: Any) -> nn.Module:
    import timm

    try:
        with _quiet_hub():
            return timm.create_model(name, pretrained=True, num_classes=0)
    except Exception as error:  # no network, no space, a file that was cut short: of many libraries
        raise EmbedkitError(
            f"the weights of {name} could not be downloaded ({error}); "
            f'fetch {_source(config)} where there is a network and give the file: timm(name="{name}", weights="FILE")'
        ) from None


@contextmanager
def _quiet_hub() -> Iterator[None]:
    """Within, the Hugging Face library tells nothing of each time that it tries again."""
    logger = logging.getLogger("huggingface_hub")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(before)
