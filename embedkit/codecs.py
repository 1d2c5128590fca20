"""What makes stored embeddings smaller. A new codec is one function here and one line in `CODECS`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from embedkit.errors import NotApplicable
from embedkit.spec import Spec, checked_params, find


@dataclass(frozen=True)
class Codec:
    """A way to store vectors.

    Attributes
    ----------
    encode : callable
        (n, d) float32 to what is stored, an array of n rows.
    decode : callable
        From that back to (n, d) float32.
    version : int
        Raised when a change alters what `decode` gives back.
    """

    encode: Callable[[np.ndarray], np.ndarray]
    decode: Callable[[np.ndarray], np.ndarray]
    version: int = 1


def float32() -> Codec:
    """four bytes per number, as extracted"""
    return Codec(encode=lambda X: X, decode=lambda X: X)


def float16() -> Codec:
    """two bytes per number"""

    def encode(X: np.ndarray) -> np.ndarray:
        limit = float(np.finfo(np.float16).max)
        if np.abs(X).max(initial=0.0) > limit:
            raise NotApplicable(f"float16 holds numbers up to {limit:.0f}; the embedding reaches {np.abs(X).max():.0f}")
        return X.astype(np.float16)

    return Codec(encode=encode, decode=lambda X: X.astype(np.float32))


CODECS: dict[str, Callable[..., Codec]] = {"float32": float32, "float16": float16}


def make_codec(chain: tuple[Spec, ...]) -> Codec:
    """The codec that a chain of specs, ``a | b``, describes: encoded by a, then by b.

    Raises
    ------
    EmbedkitError
        Where a codec or a parameter is unknown.
    """
    codecs = [find("codec", spec, CODECS)(**checked_params(spec, CODECS[spec.name])) for spec in chain]

    def encode(X: np.ndarray) -> np.ndarray:
        for codec in codecs:
            X = codec.encode(X)
        return X

    def decode(X: np.ndarray) -> np.ndarray:
        for codec in reversed(codecs):
            X = codec.decode(X)
        return X

    return Codec(encode, decode, version=sum(codec.version for codec in codecs))
