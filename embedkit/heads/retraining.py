"""Retraining a network with a fully connected layer on it."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch
from torch import nn

from embedkit.backbones import Network, Preprocessing
from embedkit.embeddings.pipeline import batch_size
from embedkit.embeddings.runtime import Runtime, torch_runtime
from embedkit.training import has_bfloat16, train

GRADIENT_NORM_MAX = 1.0
ENCODER_RATE = 0.25
SHIFT_OF_CLASSES = 0.1
SCALED_BY_IMAGES, FADED, ROUNDING = 64, 0.01, 1e-6
NORMALISATIONS = (nn.modules.batchnorm._NormBase, nn.GroupNorm, nn.LayerNorm)


class Retrained(nn.Module):
    """A network of its own, and on it the scaler and the layer that were trained on its embeddings.

    From loaded images (b, C, h, w) to outputs (b, n_outputs).
    """

    mean: torch.Tensor

    def __init__(self, network: Network, scaler: Any, linear: Any) -> None:
        super().__init__()
        self.transform = network.transform
        self.encoder = copy.deepcopy(network.module)
        self.register_buffer("mean", torch.tensor(scaler.mean_, dtype=torch.float32))
        self.unit = scaler.scale_
        self.output = copy.deepcopy(linear.network_)
        self._norms = [part for part in self.encoder.modules() if _has_statistics(part)]

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        return self.on_embeddings(self.encoder(_pixels(batch, self.transform)))

    def on_embeddings(self, embeddings: torch.Tensor) -> torch.Tensor:
        """Outputs for embeddings (b, d)."""
        return self.output((embeddings - self.mean) / self.unit)

    def train(self, mode: bool = True) -> Retrained:
        """As for any module, but statistics that the network came with stay: few images would give worse ones."""
        super().train(mode)
        for norm in self._norms:
            norm.eval()
        return self


def _pixels(batch: torch.Tensor, transform: Any) -> torch.Tensor:
    """What a network takes of loaded images (b, C, h, w)."""
    return transform.normalise(batch) if isinstance(transform, Preprocessing) else batch


def _has_statistics(part: nn.Module) -> bool:
    """Whether it is a batch normalisation that has seen images."""
    if not isinstance(part, nn.modules.batchnorm._BatchNorm) or part.running_mean is None or part.running_var is None:
        return False
    return bool(part.running_mean.any() or (part.running_var != 1).any())


def scaled(network: Network, X: np.ndarray) -> Network:
    """An untrained network in which images fade, with each layer's outputs brought to mean 0 by channel and variance 1.

    In a deep network without normalisation the differences between images may get smaller from layer to layer. Where
    embeddings differ by less than 0.01, these have to be enlarged so much that every step throws them far, and layers
    are scaled by up to 64 of the images (n, C, h, w), in the order in which these pass (Krähenbühl et al. 2016,
    arXiv:1511.06856; Mishkin and Matas 2016, arXiv:1511.06422). Other networks stay as they are: SqueezeNet, whose
    weights begin at a scale that lasts, did not learn when it was scaled.
    """
    some = X[np.linspace(0, len(X) - 1, min(len(X), SCALED_BY_IMAGES)).astype(int)]
    first = next(network.module.parameters())
    embeddings = embedded(network, some, str(first.device))
    normalises = any(isinstance(part, NORMALISATIONS) for part in network.module.modules())
    if normalises or (embeddings - embeddings.mean(axis=0)).std() >= FADED:
        return network
    module = copy.deepcopy(network.module)
    layers = [part for part in module.modules() if isinstance(part, nn.Conv2d | nn.Linear)]
    hooks = [layer.register_forward_hook(_scale) for layer in layers]
    with torch.no_grad():
        module(_pixels(torch.from_numpy(some).to(first.device), network.transform))
    for hook in hooks:
        hook.remove()
    return Network(module, network.transform)


def _scale(layer: Any, _: Any, outputs: torch.Tensor) -> torch.Tensor:
    """Change a layer so that it gives these outputs less their means by channel, at variance 1."""
    axis = 1 if isinstance(layer, nn.Conv2d) else -1
    channels = outputs.movedim(axis, -1)
    mean = channels.flatten(0, -2).mean(dim=0) * (layer.bias is not None)
    scale = float((channels - mean).std(correction=0))
    if scale <= ROUNDING * float(outputs.abs().max()):
        scale = 1.0  # equal images
    layer.weight.data /= scale
    if layer.bias is not None:
        layer.bias.data = (layer.bias.data - mean) / scale
    return ((channels - mean) / scale).movedim(-1, axis)


def retrain(head: Any, X: np.ndarray, y: np.ndarray, seed: int) -> float:
    """Train ``head.network_`` in place as the parameters of a head say; returns the mean loss of the last epoch."""
    network, device = head.network_, head.device
    network.to(memory_format=torch.channels_last)
    images = torch.from_numpy(X).to(device)
    of_classes = y.dtype.kind == "i"
    targets = (
        torch.tensor(y, device=device) if of_classes else torch.tensor(y, dtype=torch.float32, device=device)[:, None]
    )
    criterion: nn.Module = nn.CrossEntropyLoss() if of_classes else nn.MSELoss()
    shift = head.shift if head.shift is not None else SHIFT_OF_CLASSES if of_classes else 0.0
    encoder_rate = head.encoder_rate or (ENCODER_RATE if head.weights == "pretrained" else 1.0)

    def batch_loss(batch: torch.Tensor) -> torch.Tensor:
        chosen = varied(images[batch], shift, head.flip).contiguous(memory_format=torch.channels_last)
        return criterion(network(chosen).float(), targets[batch])

    with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True):
        curve = train(
            network,
            batch_loss,
            len(images),
            steps=head.n_iter_,
            batch_size=never_one_left(len(images), head.batch_size),
            learning_rate=head.learning_rate,
            weight_decay=head.weight_decay,
            generator=torch.Generator().manual_seed(seed),
            gradient_norm_max=GRADIENT_NORM_MAX,
            groups=[
                {"params": list(network.encoder.parameters()), "rate": encoder_rate},
                {"params": list(network.output.parameters())},
            ],
            precision="bfloat16" if device.startswith("cuda") and has_bfloat16(device) else "float32",
        )
    return curve[-1][1]


def never_one_left(n: int, batch_size: int) -> int:
    """A batch size not below the one asked for that leaves no image alone, which has no variance to normalise by."""
    return next((size for size in range(batch_size, batch_size + 3) if n % size != 1), batch_size)


def varied(images: torch.Tensor, shift: float, flip: bool) -> torch.Tensor:
    """Images (b, C, h, w), each shifted by up to this share of its sides, with borders repeated, and maybe flipped."""
    b, _, h, w = images.shape
    if flip:
        turned = torch.rand(b, 1, 1, 1) < 0.5
        images = torch.where(turned.to(images.device), images.flip(3), images)
    if not shift:
        return images
    rows, columns = ((torch.arange(side) + _offsets(b, round(shift * side))).clamp(0, side - 1) for side in (h, w))
    which, rows, columns = (
        index.to(images.device) for index in (torch.arange(b)[:, None, None], rows[:, :, None], columns[:, None, :])
    )
    return images[which, :, rows, columns].permute(0, 3, 1, 2)  # indexed: (b, h, w, C)


def _offsets(b: int, most: int) -> torch.Tensor:
    return torch.randint(-most, most + 1, (b, 1))


def embedded(network: Network, X: np.ndarray, device: str) -> np.ndarray:
    """Embeddings (n, d) float32 of loaded images (n, C, h, w)."""
    return in_batches(torch_runtime(network, device, "float32"), X, device).numpy()


def runtime(retrained: Retrained, device: str) -> Runtime:
    """From loaded images to outputs, computed as embeddings are."""
    run = torch_runtime(Network(retrained.encoder, retrained.transform), device, "float32")

    def run_and_decide(batch: torch.Tensor) -> torch.Tensor:
        with torch.inference_mode():
            return retrained.on_embeddings(run(batch))

    return run_and_decide


def in_batches(run: Runtime, X: np.ndarray, device: str) -> torch.Tensor:
    """What a runtime gives for loaded images (n, C, h, w), on the CPU."""
    images = torch.from_numpy(X)
    return torch.cat([run(batch).cpu() for batch in images.split(batch_size(images[0], device))])
