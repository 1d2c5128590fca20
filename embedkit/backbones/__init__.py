"""Networks that turn images into vectors. A new backbone is one function here and one line in `BACKBONES`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from embedkit.backbones.autoencoder import autoencoder
from embedkit.backbones.backbone import Backbone, Images, Network, Progress
from embedkit.backbones.controls import pixels, vectors
from embedkit.backbones.preprocessing import Preprocessing
from embedkit.backbones.pretrained import names, pretrained
from embedkit.errors import EmbedkitError
from embedkit.spec import Spec, checked_params, find

__all__ = ["BACKBONES", "Backbone", "Images", "Network", "Preprocessing", "Progress", "control_of", "make_backbone"]

BACKBONES: dict[str, Callable[..., Backbone]] = {
    "autoencoder": autoencoder,
    "pixels": pixels,
    "vectors": vectors,
    **{name: partial(pretrained, name) for name in names()},
}


def make_backbone(spec: Spec, images: Images) -> Backbone:
    """Bind a backbone to the images it will see.

    Raises
    ------
    EmbedkitError
        Where the backbone or a parameter is unknown, a file is not there, or it needs images and there are vectors.
    NotApplicable
        Where it cannot work on these images.
    """
    build = find("backbone", spec, BACKBONES)
    if images.dataset.vectors is not None and build is not vectors:
        raise EmbedkitError(f"the backbone {spec.name!r} needs images; {images.dataset.name} holds vectors")
    return build(images, **checked_params(spec, build))


def control_of(spec: Spec) -> Spec | None:
    """The same network untrained, for backbones that have weights."""
    return None if spec.name in ("pixels", "vectors") else spec.replace(weights="none")
