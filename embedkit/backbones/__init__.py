"""Networks that turn images into vectors. A new backbone is one function here and one line in `BACKBONES`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from embedkit.backbones.autoencoder import architecture, autoencoder
from embedkit.backbones.backbone import Backbone, Images, Network, Progress
from embedkit.backbones.controls import pixels, vectors
from embedkit.backbones.own_code import check_trusted, own_network
from embedkit.backbones.preprocessing import Preprocessing
from embedkit.backbones.pretrained import pretrained
from embedkit.backbones.timm_network import timm_network
from embedkit.backbones.torchvision_networks import NETWORKS
from embedkit.errors import EmbedkitError
from embedkit.spec import Spec, checked_params, find

__all__ = [
    "BACKBONES",
    "Backbone",
    "Images",
    "Network",
    "Preprocessing",
    "Progress",
    "checked_backbone",
    "control_of",
    "make_backbone",
]

BACKBONES: dict[str, Callable[..., Backbone]] = {
    "autoencoder": autoencoder,
    "module": own_network,
    "pixels": pixels,
    "timm": timm_network,
    "vectors": vectors,
    **{name: partial(pretrained, name) for name in NETWORKS},
}


def checked_backbone(spec: Spec, trust_code: bool) -> Callable[[Images], Backbone]:
    """The builder of a backbone with its parameters checked; own code runs only where it is trusted.

    Raises
    ------
    EmbedkitError
        Where the backbone or a parameter is unknown, or it is own code and not trusted.
    """
    build = find("backbone", spec, BACKBONES)
    params = checked_params(spec, build)
    if build is own_network:
        check_trusted(params["path"], trust_code)
    return partial(build, **params)


def make_backbone(spec: Spec, images: Images, trust_code: bool = False) -> Backbone:
    """Bind a backbone to the images it will see.

    Raises
    ------
    EmbedkitError
        Where the backbone or a parameter is unknown, own code is not trusted, a file is not there, or it needs images
        and there are vectors.
    NotApplicable
        Where it cannot work on these images.
    """
    build = checked_backbone(spec, trust_code)
    if images.dataset.vectors is not None and spec.name != "vectors":
        raise EmbedkitError(f"the backbone {spec.name!r} needs images; {images.dataset.name} holds vectors")
    return build(images)


def control_of(spec: Spec) -> Spec | None:
    """The same network untrained, for backbones that have weights.

    Raises
    ------
    EmbedkitError
        Where the file of an autoencoder cannot be read.
    """
    if spec.name in ("pixels", "vectors"):
        return None
    weights = dict(spec.params).get("weights", "pool")
    of_file = spec.name == "autoencoder" and weights not in ("pool", "none")
    return spec.replace(**(architecture(weights) if of_file else {}), weights="none")
