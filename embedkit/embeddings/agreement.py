"""Before the first shard: in which precision, and by which runtime, a network gives what it gives in float32."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from embedkit.backbones import Backbone, Network
from embedkit.datasets.dataset import Dataset
from embedkit.embeddings.precision import COSINE_MIN, Precision, effective_precision, least_cosine, refuse
from embedkit.embeddings.runtime import Runtime, faster_runtime, in_int8, load_with, torch_runtime
from embedkit.errors import EmbedkitError

CALIBRATION_IMAGES = 128


def agreeing_runtime(
    dataset: Dataset, backbone: Backbone, network: Network, device: str, size: int, say: Callable[[str], None]
) -> tuple[Precision, Runtime]:
    """The effective precision, and the fastest way to the network in it.

    The vectors of a batch of `size` are held against float32's, and one of them against itself alone. Where 16 bits are
    too coarse it is float32; int8 was asked for, and `say` is told how far off it is.

    Raises
    ------
    EmbedkitError
        Where an image's vector depends on the images beside it, or int8 cannot be had.
    """
    precision = effective_precision(dataset.content, backbone, device)
    exact = torch_runtime(network, device, "float32")
    if backbone.precision is None:
        return precision, exact
    batch = _loaded(dataset, network, np.arange(min(len(dataset), size)))
    wanted = exact(batch)
    if not wanted.isfinite().all():
        return "float32", exact
    if least_cosine(exact(batch[:1]), wanted[:1]) < COSINE_MIN:
        raise EmbedkitError(
            "what the network says of an image depends on the images beside it in a batch; look for what mixes them, "
            "such as a mean over the batch"
        )
    if precision == "int8":
        run = in_int8(network, device, _loaded(dataset, network, _calibration(dataset)))
        cosine = least_cosine(run(batch), wanted)
        say(f"  int8: least cosine to float32 {cosine:.4f} among the first {len(batch)} images")
        return precision, run
    run = exact
    if precision != "float32":
        run = torch_runtime(network, device, precision)
        cosine = least_cosine(run(batch), wanted)
        if cosine < COSINE_MIN:
            say(f"  {precision} is too coarse for this network (least cosine to float32 {cosine:.4f}): using float32")
            refuse(dataset.content, backbone, precision, cosine)
            precision, run = "float32", exact
    return precision, faster_runtime(network, precision, run, batch, len(dataset)) if device == "cpu" else run


def _loaded(dataset: Dataset, network: Network, numbers: np.ndarray) -> torch.Tensor:
    load = load_with(network)
    return torch.stack([load(dataset.image(int(i))) for i in numbers])


def _calibration(dataset: Dataset) -> np.ndarray:
    """Images, evenly from all that are not in the test split, from which int8 takes the ranges of activations."""
    allowed = np.flatnonzero(dataset.splits != "test")
    return allowed[np.linspace(0, len(allowed) - 1, min(CALIBRATION_IMAGES, len(allowed))).astype(int)]
