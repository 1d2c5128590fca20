"""Layers: what a network gives anywhere inside it, by the name of a module or of a node of its graph."""

from __future__ import annotations

import difflib
import shlex
import threading
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import chain
from typing import Any, NamedTuple

import torch
from torch import nn

from embedkit.backbones.pooling import Pool, pooled, side_by_side
from embedkit.errors import EmbedkitError

WHOLE = ""
"""The layer whose output is that of the whole network."""


class ModuleOutputs(nn.Module):
    """The pooled outputs of some modules, side by side: (b, 3, h, w) to (b, d). What comes after them is not computed.

    Each is pooled as soon as it is there, before a layer that works in place can change it; a module that is called
    several times gives what it gave first.
    """

    def __init__(self, module: nn.Module, names: Sequence[str], pool: Pool) -> None:
        super().__init__()
        self.module = module
        self.names = tuple(names)
        self._passes: dict[int, _Pass] = {}  # by thread
        for name in names:
            module.get_submodule(name).register_forward_hook(_Take(name, len(names), pool, self._passes))

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        thread = threading.get_ident()
        taken: dict[str, list[torch.Tensor]] = {}
        self._passes[thread] = _Pass(taken, len(batch), _is_square(batch))
        try:
            with suppress(_AllTaken):
                self.module(batch)
        finally:
            del self._passes[thread]
        missing = [name for name in self.names if name not in taken]
        if missing:
            raise EmbedkitError(f"an image does not pass through the layer {missing[0]!r}")
        return side_by_side([rows for name in self.names for rows in taken[name]])


class _Pass(NamedTuple):
    """One batch on its way through the network."""

    taken: dict[str, list[torch.Tensor]]
    n_images: int
    square: bool


class _AllTaken(Exception):
    """Leaves the forward pass: nothing behind the embedding is computed."""


class _Take:
    """A hook; an object, so that a deep copy of the network has its own."""

    def __init__(self, name: str, wanted: int, pool: Pool, passes: dict[int, _Pass]) -> None:
        self.name, self.wanted, self.pool, self.passes = name, wanted, pool, passes

    def __call__(self, _module: nn.Module, _inputs: Any, output: Any) -> None:
        taken, n_images, square = self.passes[threading.get_ident()]
        if self.name not in taken:
            taken[self.name] = _vectors(self.name, output, self.pool, n_images, square)
        if len(taken) == self.wanted:
            raise _AllTaken


class NodeOutputs(nn.Module):
    """The same for nodes of the traced graph, as `torchvision.models.feature_extraction` names them."""

    def __init__(self, module: nn.Module, names: Sequence[str], pool: Pool) -> None:
        from torchvision.models.feature_extraction import create_feature_extractor

        super().__init__()
        self.module = create_feature_extractor(module.eval(), list(names), suppress_diff_warning=True)
        self.names, self.pool = tuple(names), pool
        for part in self.module.modules():  # what works in place would change what was taken before
            if hasattr(part, "inplace"):
                part.inplace = False
        for node in self.module.graph.nodes:
            if "inplace" in node.kwargs:
                node.kwargs = {**node.kwargs, "inplace": False}
        self.module.recompile()

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        outputs, square = self.module(batch), _is_square(batch)
        vectors = [_vectors(name, outputs[name], self.pool, len(batch), square) for name in self.names]
        return side_by_side(list(chain.from_iterable(vectors)))


class PassedThrough(nn.Module):
    """In the place of a layer that the embedding does not need."""

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return features


def _is_square(batch: torch.Tensor) -> bool:
    return batch.shape[-1] == batch.shape[-2]


def _vectors(name: str, output: Any, pool: Pool, n_images: int, square: bool) -> list[torch.Tensor]:
    if not (isinstance(output, torch.Tensor) and output.is_floating_point() and 2 <= output.ndim <= 4):
        given = f"a tensor {tuple(output.shape)}" if isinstance(output, torch.Tensor) else f"a {type(output).__name__}"
        raise EmbedkitError(f"the layer {name!r} gives {given}; an embedding takes (b, d), (b, n, C) or (b, C, h, w)")
    if output.ndim == 2 and pool not in ("avg", "flatten"):
        raise EmbedkitError(
            f"pool={pool!r} has nothing to pool: at {name!r} an image is one vector of {output.shape[1]} numbers; "
            "write a layer before it"
        )
    if len(output) != n_images:
        raise EmbedkitError(f"the layer {name!r} gives {len(output)} rows for {n_images} images; write another one")
    return pooled(output, pool, square)


def node_names(module: nn.Module) -> list[str]:
    """The nodes of the traced graph; none where a network cannot be traced."""
    from torchvision.models.feature_extraction import get_graph_node_names

    try:
        return get_graph_node_names(module, suppress_diff_warning=True)[1]
    except Exception:  # tracing runs the network's own code on stand-ins, and fails in many ways
        return []


def outputs_of(module: nn.Module, names: Sequence[str], pool: Pool, spec: str) -> ModuleOutputs | NodeOutputs:
    """The network up to these layers.

    Raises
    ------
    EmbedkitError
        Where there is no such layer.
    """
    modules = dict(module.named_modules())
    if all(name in modules for name in names):
        return ModuleOutputs(module, names, pool)
    known = [*modules, *node_names(module)]
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=5, cutoff=0.5)
            like = f"like it: {', '.join(near)}; " if near else ""
            raise EmbedkitError(f"there is no layer {name!r}; {like}all: embedkit list layers {shlex.quote(spec)}")
    return NodeOutputs(module, names, pool)


def skeleton(build: Callable[[], nn.Module]) -> nn.Module:
    """The network without numbers (on torch's meta device), to look at its layers in no time."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with torch.device("meta"):
                return build().eval()
        except (NotImplementedError, RuntimeError):  # some compute with tensors while they are built
            return build().eval().to("meta")


def layers_of(module: nn.Module, inputs: torch.Tensor) -> dict[str, tuple[int, ...] | None]:
    """The modules that a batch passes through, as they end, with what they give for one image; then the other nodes."""
    shapes: dict[str, tuple[int, ...] | None] = {}

    def note(name: str, output: Any) -> None:
        if isinstance(output, torch.Tensor):
            shapes.setdefault(name, tuple(output.shape[1:]))

    hooks = [
        part.register_forward_hook(lambda _module, _inputs, output, name=name: note(name, output))
        for name, part in module.named_modules()
        if name != WHOLE
    ]
    with torch.inference_mode():
        module(inputs)
    for hook in hooks:
        hook.remove()
    return shapes | {name: None for name in node_names(module) if name not in shapes}
