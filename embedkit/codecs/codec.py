"""Codec: a way to store vectors, ready to use or still to be fitted on the pool."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from embedkit import artefacts
from embedkit.pool_artefacts import Arrays, found_or_made


@dataclass(frozen=True)
class Codec:
    """A way to store vectors.

    Attributes
    ----------
    encode : callable
        (n, d) float32 to what is stored, an array of n rows.
    decode : callable
        From that back to (n, d) float32; for codecs that reduce the width, to the vectors of lower width.
    version : int
        Raised when a change alters what `decode` gives back.
    """

    encode: Callable[[np.ndarray], np.ndarray]
    decode: Callable[[np.ndarray], np.ndarray]
    version: int = 1


@dataclass(frozen=True)
class PoolRows:
    """The vectors of the pool: `chunks` gives them some at a time, (m, d) each, as often as it is called.

    `key` stands for what they are, in the keys of artefacts.
    """

    key: str
    chunks: Callable[[], Iterator[np.ndarray]]


@dataclass(frozen=True)
class PoolCodec:
    """A codec with something to learn from the pool first.

    Attributes
    ----------
    fit : callable
        From the pool's vectors to what is learnt, as plain arrays.
    fitted : callable
        From these arrays to the codec.
    version : int
        Raised when a change alters what the codec's `decode` gives back.
    """

    fit: Callable[[PoolRows], Arrays]
    fitted: Callable[[Arrays], Codec]
    version: int = 1


@dataclass(frozen=True)
class Chain:
    """Codecs one after the other: encoded by the first, then by the second; decoded backwards.

    `names` are their specs, as keys of artefacts hold them.
    """

    names: Sequence[str]
    codecs: Sequence[Codec | PoolCodec] = field(repr=False)

    @property
    def version(self) -> int:
        return sum(codec.version for codec in self.codecs)

    @property
    def uses_pool(self) -> bool:
        """Whether something is to be learnt from the pool."""
        return any(isinstance(codec, PoolCodec) for codec in self.codecs)

    def fitted(self, pool: PoolRows) -> Codec:
        """The codec; what is learnt from the pool is made once and found again.

        Raises
        ------
        NotApplicable
            Where the pool or the vectors do not suit a codec.
        """
        return self.ready(self.learnt(pool))

    def learnt(self, pool: PoolRows) -> list[Arrays]:
        """What each codec learns from the pool; nothing for those that learn nothing. Raises as `fitted` does."""
        found: list[Arrays] = []
        for place, codec in enumerate(self.codecs):
            found.append({} if isinstance(codec, Codec) else self._learnt(place, codec, self.ready(found), pool))
        return found

    def ready(self, learnt: Sequence[Arrays]) -> Codec:
        """The first codecs as one, as many as there is something `learnt` for."""
        pairs = zip(self.codecs, learnt, strict=False)
        return _joined([codec if isinstance(codec, Codec) else codec.fitted(arrays) for codec, arrays in pairs])

    def _learnt(self, place: int, codec: PoolCodec, before: Codec, pool: PoolRows) -> Arrays:
        recipe = {
            "pool": pool.key,
            "codecs": list(self.names[: place + 1]),
            "versions": [codec.version for codec in self.codecs[: place + 1]],
        }
        seen = PoolRows(artefacts.key(recipe), lambda: map(before.encode, pool.chunks()))
        return found_or_made(recipe, lambda: codec.fit(seen))


def _joined(codecs: Sequence[Codec]) -> Codec:
    codecs = tuple(codecs)

    def encode(X: np.ndarray) -> np.ndarray:
        for codec in codecs:
            X = codec.encode(X)
        return X

    def decode(X: np.ndarray) -> np.ndarray:
        for codec in reversed(codecs):
            X = codec.decode(X)
        return X

    return Codec(encode, decode)
