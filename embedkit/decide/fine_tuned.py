"""Fine-tuned networks as models: the network as it became is the backbone, and the layer on it the head."""

from __future__ import annotations

from typing import Any

import numpy as np
from safetensors.torch import save

from embedkit.backbones import Backbone, Network, control_of
from embedkit.codecs import make_codec
from embedkit.datasets import Dataset
from embedkit.decide.embedder import Embedder
from embedkit.decide.fitted import Fitted
from embedkit.decide.network_files import WEIGHTS
from embedkit.decide.pipeline import Pipeline
from embedkit.errors import EmbedkitError
from embedkit.heads import HEADS, make_head
from embedkit.heads.problem import Problem, Rows, unfitted
from embedkit.heads.retraining import embedded
from embedkit.scores import Task
from embedkit.selection import choose
from embedkit.shared_images import LoadedImages
from embedkit.spec import parse_chain


def fit_network(
    pipeline: Pipeline, images: Dataset, labelled: np.ndarray, backbone: Backbone, device: str, seed: int
) -> Fitted:
    """Train the network of a pipeline on labelled images; what the head sees is not stored through a codec.

    Raises
    ------
    EmbedkitError
        Where the backbone has no network.
    """
    untrained = control_of(pipeline.backbone)
    if untrained is None:
        raise EmbedkitError(f"{pipeline.head.name} trains a network; {pipeline.backbone} has none")
    loaded = LoadedImages(images, backbone, device, dim=0)
    X = loaded.at(labelled)
    rows = Rows(X, device, settings=loaded.settings)
    y = images.truth[labelled]
    problem = Problem(rows, np.arange(len(labelled)), y, images.task, len(images.classes), seed)
    choice = choose(pipeline.head, problem, images.groups[labelled], pipeline.selection)
    estimator = unfitted(HEADS[pipeline.head.name], problem, choice.params).fit(X, problem.y)
    encoder = estimator.network_.encoder.cpu().eval()
    network = Network(encoder, loaded.settings["network"].transform)
    channels = images.image(0).shape[2]
    embedder = Embedder(network, make_codec(parse_chain("float32")).ready([{}]), "float32", X.shape[1:], channels)
    state = {name: tensor.detach().contiguous().clone() for name, tensor in encoder.state_dict().items()}
    return Fitted(
        head_of(estimator, images.task),
        choice,
        embedder,
        [{}],
        embedded(network, X, "cpu"),
        backbone.recipe,
        untrained,
        {WEIGHTS: save(state)},
        retrained=True,
    )


def head_of(estimator: Any, task: Task) -> Any:
    """What a fine-tuned estimator has on its network, as the head `linear` is built: a scaler and a layer."""
    retrained = estimator.network_.cpu()
    head = make_head("linear", 0, task)
    scaler, layer = (step for _, step in head.steps)
    scaler.mean_, scaler.scale_ = retrained.mean.numpy().astype(np.float64), float(retrained.unit)
    layer.network_ = retrained.output.eval()
    scaler.n_features_in_ = layer.n_features_in_ = len(scaler.mean_)
    if task == "classification":
        layer.classes_ = estimator.classes_
    else:
        layer._mean, layer._scale = estimator._mean, estimator._scale
    return head
