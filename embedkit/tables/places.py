"""What the trials of a table have in common, in words."""

from __future__ import annotations

from collections.abc import Mapping

_AS_IT_IS = {"*": "{}"}
_SAID = {
    "dataset": _AS_IT_IS,
    "backbone": _AS_IT_IS,
    "codec": {"float32": "", "*": "stored as {}"},
    "head": _AS_IT_IS,
    "metric": _AS_IT_IS,
    "selection": {"cv": "", "default": "default parameters", "oracle": "parameters chosen by the test images", "*": ""},
    "budget": {"all": "all labels", "all pairs": "", "*": "budget {}"},
}


def place_text(common: Mapping[str, str]) -> str:
    """Such as ``digits, pixels, stored as int8``; what is usual is left out."""
    told = [said.get(common[name], said["*"].format(common[name])) for name, said in _SAID.items() if name in common]
    return ", ".join(filter(None, told))
