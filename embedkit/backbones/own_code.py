"""Networks of the user's own: a function in a Python file, run only where the user trusts it."""

from __future__ import annotations

import copy
import hashlib
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any

import numpy as np
import torch
from pydantic import Field
from torch import nn

from embedkit.backbones.backbone import Backbone, Images, Wanted, as_rgb
from embedkit.backbones.network import ImageSize, Layers, Transform, bind_network
from embedkit.backbones.pooling import Pool
from embedkit.backbones.preprocessing import Preprocessing, of_preset
from embedkit.backbones.weights import file_sha256, load_weights, weights_file
from embedkit.errors import EmbedkitError


def _preset() -> Any:
    """What torchvision does to an image for most of its networks."""
    from torchvision.models import ResNet18_Weights

    return ResNet18_Weights.IMAGENET1K_V1.transforms()


def own_network(
    images: Images,
    *,
    path: str,
    weights: str = "none",
    seed: Annotated[int, Field(ge=0)] = 0,
    layer: Layers = None,
    pool: Pool = "avg",
    image_size: ImageSize = None,
    precision: Wanted = "auto",
) -> Backbone:
    """a network of your own, path="file.py:function", run only under trust_code; weights "none" (as made) or a file

    The function takes no argument and gives an ``nn.Module``, or one and a transform from (3, H, W) uint8 to the
    network's input, such as torchvision's ``weights.transforms()``; the default is ImageNet's at 224. Without a layer,
    an image is the network's output. Of the code, the key holds this one file, not what it imports.
    """
    del images
    file, function, source = _read(path)
    code = hashlib.sha256(source).hexdigest()
    spec = f'module(path="{file.name}:{function}")'
    build = _run(file, source, code, function, spec)
    recipe: dict[str, Any] = {"name": "module", "version": 1, "code": code, "function": function, "seed": seed}
    stored = None if weights == "none" else weights_file(weights, '"none" or a file')
    recipe |= {"weights": "none" if stored is None else file_sha256(stored)}

    def built() -> tuple[nn.Module, Transform]:
        module, transform = _built(build, seed, spec)
        if stored is not None:
            load_weights(module, spec, stored)
        return module, transform

    bare, transform = built()
    return bind_network(
        spec,
        recipe,
        bare.eval(),
        lambda: built()[0],
        transform,
        layer=layer,
        pool=pool,
        image_size=image_size,
        precision=precision,
    )


def check_trusted(path: str, trust_code: bool) -> None:
    """Refuse to run a file of the user's that they did not say to trust.

    Raises
    ------
    EmbedkitError
        With what would be run, and how to allow it.
    """
    if trust_code:
        return
    file, function, source = _read(path)
    raise EmbedkitError(
        f"module(path={path!r}) runs code: {file.resolve()} (sha256 {hashlib.sha256(source).hexdigest()[:12]}...), "
        f"then {function}() in it; where you trust it, write --trust-code, in a study file trust_code = true, "
        "from Python trust_code=True"
    )


def _read(path: str) -> tuple[Path, str, bytes]:
    file, _, function = path.rpartition(":")
    if not file.endswith(".py") or not function.isidentifier():
        raise EmbedkitError(f'module(path={path!r}): write path="file.py:function"')
    try:
        return Path(file), function, Path(file).read_bytes()
    except OSError as error:
        raise EmbedkitError(f"module(path={path!r}): cannot read {file!r}: {error.strerror}") from None


def _run(file: Path, source: bytes, code: str, function: str, spec: str) -> Callable[[], Any]:
    """Run the bytes that were hashed, as a module; returns its function."""
    module = ModuleType(f"embedkit_own_code_{code[:16]}")
    module.__file__ = str(file)
    sys.modules[module.__name__] = module  # dataclasses and pickle look there
    try:
        exec(compile(source, str(file), "exec"), module.__dict__)
    except Exception as error:
        raise EmbedkitError(f"{spec}: {file} fails: {type(error).__name__}: {error}") from error
    build = getattr(module, function, None)
    if not callable(build):
        there = sorted(name for name, value in vars(module).items() if callable(value) and not name.startswith("_"))
        raise EmbedkitError(f"{spec}: {file} has no function {function!r}; there are: {', '.join(there) or 'none'}")
    return build


def _built(build: Callable[[], Any], seed: int, spec: str) -> tuple[nn.Module, Transform]:
    try:
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            given = build()
    except Exception as error:
        raise EmbedkitError(f"{spec} fails: {type(error).__name__}: {error}") from error
    module, transform = given if isinstance(given, tuple) and len(given) == 2 else (given, _preset())
    if not isinstance(module, nn.Module) or not callable(transform):
        raise EmbedkitError(f"{spec} gives a {type(given).__name__}; needed is an nn.Module, or (nn.Module, transform)")
    return copy.deepcopy(module), _adapted(transform, spec)  # a copy, since layers are taken out of it


def _adapted(transform: Callable[[Any], Any], spec: str) -> Transform:
    if isinstance(transform, Preprocessing):
        return transform
    if isinstance(transform, type(_preset())):
        return of_preset(transform)

    def adapted(image: np.ndarray) -> torch.Tensor:
        try:
            made = transform(torch.tensor(as_rgb(image)).permute(2, 0, 1))
        except Exception as error:
            raise EmbedkitError(
                f"{spec}: its transform fails on a tensor (3, {image.shape[0]}, {image.shape[1]}) uint8: {error}"
            ) from error
        if not isinstance(made, torch.Tensor) or made.ndim != 3 or not made.is_floating_point():
            given = f"{made.dtype} {tuple(made.shape)}" if isinstance(made, torch.Tensor) else type(made).__name__
            raise EmbedkitError(f"{spec}: its transform gives {given}; needed is a tensor (C, h, w) of floats")
        return made

    return adapted
