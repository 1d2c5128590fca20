"""What an embedding is called in figures."""

from __future__ import annotations

from collections.abc import Iterable

from embedkit.outcomes import ORACLE, Outcomes

_SELECTION = {"cv": "", "default": ", default parameters", ORACLE: ", parameters chosen by the test images"}

Embedding = tuple[str, str, str]
"""Backbone, codec and selection."""


def embedding_of(outcomes: Outcomes) -> Embedding:
    return outcomes.backbone, outcomes.codec, outcomes.selection


def embedding_labels(found: Iterable[Embedding]) -> dict[Embedding, str]:
    """Backbone, and codec and selection where they are not the usual ones, or not the same for all."""
    embeddings = list(dict.fromkeys(found))
    alike = len({selection for _, _, selection in embeddings}) == 1
    return {
        (backbone, codec, selection): backbone
        + ("" if codec == "float32" else f", stored as {codec}")
        + ("" if alike and selection != ORACLE else _SELECTION[selection])
        for backbone, codec, selection in embeddings
    }
