"""What a model was made from, as plain values: the contents of ``model.json``."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np

from embedkit.datasets import Dataset
from embedkit.decide.fitted import Fitted
from embedkit.decide.network_files import probe
from embedkit.decide.pipeline import Pipeline
from embedkit.decide.recommendation import Recommendation
from embedkit.spec import shown_name


def describe(pipeline: Pipeline, images: Dataset, labelled: np.ndarray, fitted: Fitted) -> dict[str, Any]:
    """Data, backbone, codec, head and score of a pipeline that was fitted to some images of a data set."""
    return {
        "made": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "task": images.task,
        "classes": list(images.classes) if images.task == "classification" else [],
        "data": _data(images, labelled),
        "backbone": _backbone(pipeline, images, fitted),
        "codec": "float32" if fitted.retrained else pipeline.codec,
        "head": _head(pipeline, fitted),
        "score": _score(pipeline.recommendation),
    }


def _backbone(pipeline: Pipeline, images: Dataset, fitted: Fitted) -> dict[str, Any]:
    return {
        "name": shown_name(pipeline.backbone),
        "spec": str(fitted.spec),
        "retrained": fitted.retrained,
        "recipe": fitted.recipe,
        "precision": fitted.embedder.precision,
        "input": list(fitted.embedder.input),
        "channels": fitted.embedder.channels,
        "shape": images.shape,
        "of_vectors": images.vectors is not None,
        "probe": probe(fitted.embedder),
    }


def _data(images: Dataset, labelled: np.ndarray) -> dict[str, Any]:
    splits = images.splits[labelled]
    by_class = np.bincount(images.labels[labelled], minlength=len(images.classes)).tolist()
    return {
        "name": images.name,
        "content_sha256": images.content,
        "fingerprint": images.fingerprint,
        "n_images": len(images),
        "n_labeled": len(labelled),
        "n_labeled_from_test": int((splits == "test").sum()),
        "n_labeled_by_class": dict(zip(images.classes, by_class, strict=True)) if images.targets is None else None,
    }


def _head(pipeline: Pipeline, fitted: Fitted) -> dict[str, Any]:
    choice = fitted.choice
    return {
        "spec": str(pipeline.head),
        "selection": pipeline.selection,
        "selected": {name: str(value) if not _plain(value) else value for name, value in choice.selected.items()},
        "cv_score": choice.score,
        "embedding_dim": fitted.X.shape[1],
    }


def _plain(value: Any) -> bool:
    return isinstance(value, str | int | float | bool | None)


def _score(found: Recommendation | None) -> dict[str, Any] | None:
    """What the study measured of this pipeline, on fewer labels."""
    if found is None:
        return None
    return {
        "metric": found.score,
        "dataset": found.dataset,
        "budget": found.budget,
        "expected": found.corrected.estimate,
        "half_width": found.corrected.half_width,
        "before_correction": found.seen.estimate,
        "n_test_images": found.n_images,
        "n_repeats": found.n_repeats,
        "n_candidates": found.n_candidates,
        "n_level": len(found.level) + 1,
    }
