"""What there is to choose from, in words: names, one line each, parameters with defaults."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from embedkit.errors import EmbedkitError
from embedkit.spec import did_you_mean, literal, parameters

if TYPE_CHECKING:
    from embedkit.heads.head import Head

KINDS = ("datasets", "backbones", "codecs", "heads", "metrics", "studies")


def text(kind: str | None = None) -> str:
    """The members of one kind, or of all.

    Raises
    ------
    EmbedkitError
        Where there is no such kind.
    """
    if kind is not None and kind not in KINDS:
        kinds = (*KINDS, "layers")
        raise EmbedkitError(f"there are no {kind!r} to list{did_you_mean(kind, kinds)} kinds: {', '.join(kinds)}")
    return "\n\n".join(f"{name}:\n{_members(name)}" for name in ([kind] if kind else KINDS))


def layers_text(spec_text: str, trust_code: bool = False) -> str:
    """What may be written as a backbone's ``layer``, with the size of its output for one image.

    Raises
    ------
    EmbedkitError
        Where there is no such backbone, or it has no layers to choose from.
    """
    from embedkit.backbones import BACKBONES, Images, checked_backbone
    from embedkit.spec import find, parse

    spec = parse(spec_text)
    if "layer" not in parameters(find("backbone", spec, BACKBONES)):
        raise EmbedkitError(f"{spec.name} has no layers to choose from; networks have, such as resnet18")
    backbone = checked_backbone(spec, trust_code)(Images(None, None))  # type: ignore[arg-type]  # it looks at no images
    assert backbone.layers is not None
    layers = backbone.layers()
    sizes = [f"  {name}: {' x '.join(map(str, shape))}" for name, shape in layers.items() if shape is not None]
    nodes = [name for name, shape in layers.items() if shape is None]
    return "\n".join(
        [f"layers of {spec}, in order, and what they give for one image:", *sizes]
        + ([_wrapped("  and nodes: ", nodes)] if nodes else [])
    )


def _members(kind: str) -> str:
    if kind == "datasets":
        from embedkit.datasets import DATASETS, cards
        from embedkit.datasets.torchvision_members import MEMBERS

        named = [f"  {name}: {card['title']}; {_size(card)}" for name, card in cards().items()]
        known = _wrapped("    NAME of torchvision is one of: ", list(MEMBERS))
        return "\n".join([*named, *_lines(DATASETS), known])
    if kind == "codecs":
        from embedkit.codecs import CODECS

        return "\n".join(_lines(CODECS))
    if kind == "metrics":
        from embedkit.distance.metrics import METRICS

        return "\n".join(_lines(METRICS))
    if kind == "studies":
        from embedkit.study import shipped_studies

        return "\n".join(f"  {name}: {about}" for name, about in shipped_studies().items())
    if kind == "heads":
        from embedkit.heads import HEADS

        return "\n".join(_line(name, head.build) + _about(head) for name, head in HEADS.items())
    from embedkit.backbones import BACKBONES
    from embedkit.backbones.torchvision_networks import NETWORKS

    own = {name: build for name, build in BACKBONES.items() if name not in NETWORKS}
    signature = _line("NETWORK", BACKBONES[NETWORKS[0]])
    known = _wrapped("    NETWORK is one of: ", list(NETWORKS))
    return "\n".join([*_lines(own), signature, known, "    its layers: embedkit list layers NETWORK"])


def _size(card: dict[str, Any]) -> str:
    """``70,000 images of 28x28, grey, 10 classes, 12 MB to download``."""
    pool = f" ({card['unlabelled']:,} unlabelled)" if "unlabelled" in card else ""
    answers = f"{card['classes']} classes" if "classes" in card else "numeric targets"
    download = f", {card['download_mb']:,} MB to download" if "download_mb" in card else ""
    return f"{card['images']:,} images{pool}, {card['image_size']}, {answers}{download}"


def _about(head: Head) -> str:
    tried = " and ".join(f"{name} {', '.join(map(str, values))}" for name, values in head.grid.items())
    selected = f"; selection = cv tries {tried}" if tried else ""
    return ("" if "regression" in head.tasks else "; for classes only") + selected


def _lines(builders: dict[str, Callable[..., Any]]) -> list[str]:
    return [_line(name, build) for name, build in builders.items()]


def _line(name: str, build: Callable[..., Any]) -> str:
    """``name(parameter=default, ...): what it is``."""
    written = [
        parameter if p.default is inspect.Parameter.empty else f"{parameter}={literal(p.default)}"
        for parameter, p in parameters(build).items()
    ]
    call = f"({', '.join(written)})" if written else ""
    about = inspect.getdoc(getattr(build, "func", build)) or ""
    return f"  {name}{call}: {about.splitlines()[0]}"


def _wrapped(start: str, words: list[str]) -> str:
    import textwrap

    return textwrap.fill(", ".join(words), 118, initial_indent=start, subsequent_indent="      ")
