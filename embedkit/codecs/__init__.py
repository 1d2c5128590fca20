"""What makes stored embeddings smaller. A new codec is one function in a file here and one line in `CODECS`."""

from __future__ import annotations

from collections.abc import Callable

from embedkit.codecs.codec import Chain, Codec, PoolCodec
from embedkit.codecs.fixed import float16, float32
from embedkit.codecs.principal import pca, whiten
from embedkit.spec import Spec, checked_params, find

CODECS: dict[str, Callable[..., Codec | PoolCodec]] = {
    "float32": float32,
    "float16": float16,
    "pca": pca,
    "whiten": whiten,
}


def make_codec(chain: tuple[Spec, ...]) -> Chain:
    """The codecs that a chain of specs, ``a | b``, describes: encoded by a, then by b.

    Raises
    ------
    EmbedkitError
        Where a codec or a parameter is unknown.
    """
    codecs = [find("codec", spec, CODECS)(**checked_params(spec, CODECS[spec.name])) for spec in chain]
    return Chain([str(spec) for spec in chain], codecs)
