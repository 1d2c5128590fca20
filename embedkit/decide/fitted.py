"""Fitted: what fitting a pipeline gives, before it is a model."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from embedkit.decide.embedder import Embedder
from embedkit.selection import Choice
from embedkit.spec import Spec


class Fitted(NamedTuple):
    """A head on a network, and what both are kept by."""

    estimator: Any
    choice: Choice
    embedder: Embedder
    learnt: list[dict[str, np.ndarray]]
    """What the codecs have learnt, for each of them."""
    X: np.ndarray
    """Embeddings of the labelled images, as the head sees them, (n, d)."""
    recipe: dict[str, Any]
    """Of the backbone, as keys of embeddings are made of it."""
    spec: Spec
    """By which the network is made from the files."""
    files: dict[str, bytes]
    retrained: bool = False
    """Whether the weights in the files are those of the network as it ended, and not of the backbone as it began."""
