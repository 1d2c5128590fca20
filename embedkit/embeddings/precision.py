"""How many bits a network computes in: half of float32's where the processor is made for it and embeddings agree."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import torch

from embedkit import artefacts
from embedkit.backbones import Backbone
from embedkit.training import has_bfloat16

Precision = Literal["float32", "bfloat16", "float16", "int8"]
COSINE_MIN = 0.999


def effective_precision(content: str, backbone: Backbone, device: str) -> Precision:
    """The precision that embeddings of this content are kept in: what is wanted, unless a check has refused it."""
    if backbone.precision != "auto":
        return backbone.precision or "float32"
    native = native_precision(device)
    refused = native != "float32" and _refusal(content, backbone, native).exists()
    return "float32" if refused else native


def native_precision(device: str) -> Precision:
    """The smallest of floats that the device is made for."""
    if has_bfloat16(device):
        return "bfloat16"
    return "float16" if device.startswith("cuda") else "float32"


def least_cosine(found: torch.Tensor, exact: torch.Tensor) -> float:
    """The smallest cosine between rows (b, d) and what they should be; 0 where one is not finite."""
    cosines = torch.nn.functional.cosine_similarity(found.double(), exact.double())
    same = (found == exact).all(dim=1)  # also of zeros
    return float(torch.where(same, 1.0, cosines.nan_to_num(0.0)).min())


def refuse(content: str, backbone: Backbone, precision: Precision, cosine: float) -> None:
    """Remember that these embeddings need float32."""
    artefacts.folder("precisions")
    artefacts.write_atomically(_refusal(content, backbone, precision), json.dumps({"cosine": cosine}).encode())


def _refusal(content: str, backbone: Backbone, precision: Precision) -> Path:
    recipe: list[Any] = [content, backbone.recipe, precision, COSINE_MIN]
    return artefacts.cache() / "precisions" / f"{artefacts.key(recipe)}.json"
