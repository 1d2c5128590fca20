"""Ways to run a network over batches: torch, and OpenVINO where it is installed."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from importlib.util import find_spec

import torch
from torch import nn

from embedkit.backbones import Network
from embedkit.backbones.preprocessing import Preprocessing
from embedkit.embeddings.folding import fold_batch_norms
from embedkit.embeddings.precision import Precision
from embedkit.engines import default_jobs, one_torch_thread
from embedkit.errors import EmbedkitError

OPENVINO_PAYS_S = 15.0
"""Converting a network and trying it out takes some seconds, which it has to win back."""

Runtime = Callable[[torch.Tensor], torch.Tensor]
"""From a batch of loaded images to embeddings (b, d) float32, wherever the network is; many threads may call it."""


def load_with(network: Network) -> Callable[..., torch.Tensor]:
    """From an image (H, W, C) uint8 to what a runtime takes: uint8 pixels as long as possible."""
    transform = network.transform
    return transform.cropped if isinstance(transform, Preprocessing) else transform


def torch_runtime(network: Network, device: str, precision: Precision) -> Runtime:
    """The network in channels_last, its batch normalisation folded."""
    normalise = _Normalise(network).to(device)
    dtype = getattr(torch, precision)
    module = copy.deepcopy(network.module).eval()
    fold_batch_norms(module)
    module = module.to(device, dtype, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def run(batch: torch.Tensor) -> torch.Tensor:
        with torch.inference_mode():
            return module(normalise(batch.to(device, non_blocking=True)).to(dtype)).float()

    return run


def faster_runtime(
    network: Network, precision: Precision, by_torch: Runtime, batch: torch.Tensor, n_images: int
) -> Runtime:
    """OpenVINO where it is installed, knows the network, and takes less time for this batch on one core; else torch.

    It is not tried for images that torch embeds in the time that the conversion takes.
    """
    if find_spec("openvino") is None:
        return by_torch
    torch_s = _seconds(by_torch, batch)
    if torch_s / len(batch) * n_images / default_jobs() < OPENVINO_PAYS_S:
        return by_torch
    from embedkit.embeddings.openvino_runtime import openvino_runtime

    whole = nn.Sequential(_Normalise(network), copy.deepcopy(network.module).eval())
    by_openvino = openvino_runtime(whole, precision, batch)
    return by_torch if by_openvino is None or _seconds(by_openvino, batch) > torch_s else by_openvino


def in_int8(network: Network, device: str, images: torch.Tensor) -> Runtime:
    """The network in 8 bits, by OpenVINO; `images` (n, C, h, w) say how large activations are.

    Raises
    ------
    EmbedkitError
        Where the device is no CPU, or the network cannot be quantised.
    """
    if device != "cpu":
        raise EmbedkitError(
            f'int8 is computed on the CPU; the study is on {device}: leave out precision="int8", or --device cpu'
        )
    from embedkit.embeddings.openvino_runtime import int8_runtime

    return int8_runtime(nn.Sequential(_Normalise(network), copy.deepcopy(network.module).eval()), images)


def _seconds(run: Runtime, batch: torch.Tensor) -> float:
    """On one core, as the batches of the pipeline run."""
    taken = []
    with one_torch_thread():
        run(batch)
        for _ in range(3):
            started = time.perf_counter()
            run(batch)
            taken.append(time.perf_counter() - started)
    return min(taken)


class _Normalise(nn.Module):
    """From loaded images to the network's input, float32 and in channels_last where they are images."""

    scale: torch.Tensor | None
    shift: torch.Tensor | None

    def __init__(self, network: Network) -> None:
        super().__init__()
        scale, shift = None, None
        if isinstance(network.transform, Preprocessing):
            mean, std = (torch.tensor(each)[:, None, None] for each in (network.transform.mean, network.transform.std))
            scale, shift = 1 / (255 * std), -mean / std
        self.register_buffer("scale", scale)
        self.register_buffer("shift", shift)

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        if batch.ndim == 4:
            batch = batch.contiguous(memory_format=torch.channels_last)
        if self.scale is None or self.shift is None:
            return batch
        return torch.addcmul(self.shift, batch.float(), self.scale)
