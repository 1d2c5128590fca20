"""What an embedding is called in figures."""

from __future__ import annotations

_SELECTION = {"cv": "", "default": ", default parameters", "oracle": ", parameters chosen by the test images"}


def embedding_label(backbone: str, codec: str, selection: str) -> str:
    """Backbone, and codec and selection where they are not the usual ones."""
    stored = "" if codec == "float32" else f", stored as {codec}"
    return f"{backbone}{stored}{_SELECTION[selection]}"
