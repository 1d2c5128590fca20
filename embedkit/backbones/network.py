"""From an architecture, its weights and what a spec says about layers to a backbone, tried out before anything runs."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Annotated, Any

import numpy as np
import torch
from pydantic import Field
from torch import nn

from embedkit.backbones.backbone import Backbone, Network, Progress, Wanted
from embedkit.backbones.layers import WHOLE, ModuleOutputs, NodeOutputs, PassedThrough, layers_of, outputs_of
from embedkit.backbones.pooling import Pool
from embedkit.backbones.preprocessing import Preprocessing
from embedkit.errors import EmbedkitError

Layer = Annotated[str, Field(min_length=1)]
Layers = Layer | Annotated[tuple[Layer, ...], Field(min_length=1)] | None
ImageSize = Annotated[int, Field(ge=1, le=4096)] | None
Transform = Callable[[np.ndarray], torch.Tensor]


def bind_network(
    spec: str,
    recipe: dict[str, Any],
    bare: nn.Module,
    filled: Callable[[], nn.Module],
    transform: Transform,
    *,
    layer: Layers,
    pool: Pool,
    image_size: ImageSize,
    precision: Wanted = "auto",
    classifier: str | None = None,
    download: str = "",
) -> Backbone:
    """A backbone of the pooled outputs of layers, side by side, each at unit length where there are several.

    Without a `layer` these are the input of the `classifier`, or where there is none the output of the whole network.

    Parameters
    ----------
    spec : str
        As in errors.
    recipe : dict
        Architecture and weights.
    bare : Module
        The network, maybe without numbers, to try it out on.
    filled : callable
        Gives the network with its weights.

    Raises
    ------
    EmbedkitError
        Where a layer is not there or gives no embedding, the network does not take images of that size, or a package
        that the precision needs is not installed.
    """
    check_installed(precision, spec)
    names = (layer,) if isinstance(layer, str) else layer or (WHOLE if classifier is None else classifier,)
    for name in names:
        if names.count(name) > 1:
            raise EmbedkitError(f"{spec}: the layer {name!r} is written twice")
    sized = _at(transform, image_size, spec)
    inputs = torch.zeros(2, *_input_shape(sized), device=next((p.device for p in bare.parameters()), None))
    try:
        with torch.inference_mode():
            unneeded = _behind(bare, names, inputs) if layer is not None or classifier is None else [classifier]
            try:
                _up_to(names, copy.deepcopy(bare), pool, spec, unneeded)(inputs)
            except AttributeError:  # it looks at layers that it has not come to
                unneeded = []
                _up_to(names, copy.deepcopy(bare), pool, spec, unneeded)(inputs)
    except EmbedkitError as error:
        raise EmbedkitError(f"{spec}: {error}") from None
    except Exception as error:  # the network's own complaint
        height, width = inputs.shape[2:]
        remedy = "" if image_size is None else f"; its own size is {_input_shape(transform)[-1]}"
        raise EmbedkitError(f"{spec} does not take images of {height}x{width} pixels ({error}){remedy}") from None

    def network(device: str, progress: Progress) -> Network:
        return Network(_up_to(names, filled(), pool, spec, unneeded).eval().to(device), sized)

    stated = sized.recipe() if isinstance(sized, Preprocessing) else "own"
    recipe = {**recipe, "layer": list(names), "pool": pool, "transform": stated}
    if precision != "auto":
        recipe["precision"] = precision
    return Backbone(recipe, network, download=download, precision=precision, layers=lambda: layers_of(bare, inputs))


def check_installed(precision: Wanted, spec: str) -> None:
    """Refuse int8 where a package for it is missing."""
    missing = [name for name in ("openvino", "nncf") if precision == "int8" and find_spec(name) is None]
    if missing:
        raise EmbedkitError(f'{spec}: precision="int8" needs {" and ".join(missing)}: pip install "embedkit[int8]"')


def _at(transform: Transform, image_size: ImageSize, spec: str) -> Transform:
    if image_size is None:
        return transform
    if isinstance(transform, Preprocessing):
        return transform.at(image_size)
    raise EmbedkitError(f"{spec}: image_size={image_size}: its own transform decides the size; leave image_size out")


def _input_shape(transform: Transform) -> tuple[int, ...]:
    if isinstance(transform, Preprocessing):
        return 3, transform.crop, transform.crop
    return tuple(transform(np.zeros((64, 64, 3), dtype=np.uint8)).shape)


def _up_to(
    names: Sequence[str], module: nn.Module, pool: Pool, spec: str, unneeded: Sequence[str]
) -> ModuleOutputs | NodeOutputs:
    for name in unneeded:
        module.set_submodule(name, PassedThrough())
    return outputs_of(module, names, pool, spec)


def _behind(bare: nn.Module, names: Sequence[str], inputs: torch.Tensor) -> list[str]:
    """The modules that a batch reaches only after all these layers; none where one is a node or is never reached."""
    begun: list[str] = []
    ended: dict[str, int] = {}

    def begin(name: str) -> None:
        begun.append(name)

    def end(name: str) -> None:
        ended.setdefault(name, len(begun))

    hooks = []
    for name, part in bare.named_modules():
        hooks.append(part.register_forward_pre_hook(lambda *_, name=name: begin(name)))
        hooks.append(part.register_forward_hook(lambda *_, name=name: end(name)))
    bare(inputs)
    for hook in hooks:
        hook.remove()
    if not all(name in ended for name in names):
        return []
    needed = set(begun[: max(ended[name] for name in names)])
    behind = [name for name in dict.fromkeys(begun) if name not in needed]
    return [name for name in behind if not any(name.startswith(f"{other}.") for other in behind)]
