"""Backbones without a network: raw pixels, the control that any network must beat, and vectors from elsewhere."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import nn

from embedkit.backbones.backbone import Backbone, Images, Network, common_side, resized
from embedkit.errors import EmbedkitError


def pixels(images: Images, *, size: Annotated[int, Field(ge=1, le=256)] = 16) -> Backbone:
    """control: the raw pixels, at size x size (smaller images of one size as they are)"""
    side = common_side(images.dataset.shape, size)
    return Backbone(
        {"name": "pixels", "version": 1, "side": side},
        lambda device, progress: Network(nn.Flatten(), lambda image: resized(image, side)),
    )


def vectors(images: Images) -> Backbone:
    """the vectors of a data set that holds vectors instead of images"""
    if images.dataset.vectors is None:
        raise EmbedkitError(f"the backbone 'vectors' needs a data set of vectors; {images.dataset.name} holds images")
    return Backbone({"name": "vectors", "version": 1}, lambda device, progress: Network(nn.Identity(), torch.tensor))
