"""Embeddings as they come back from the store and a codec."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256

import numpy as np

from embedkit import artefacts
from embedkit.codecs import make_codec
from embedkit.codecs.codec import Codec, PoolRows
from embedkit.embeddings import store
from embedkit.pool_artefacts import Arrays
from embedkit.spec import parse_chain

CHUNK_ROWS = 1024


@dataclass(frozen=True)
class Coded:
    """The rows of an embedding as codecs keep them, those fitted on the pool that learn from it.

    Attributes
    ----------
    embeddings : str
        Key in the store.
    chain : str
        Specs of codecs, joined by ``|``.
    pool : ndarray of int, shape (m,), or None
        Rows that may be learnt from, in rising order.
    raw_pool_key : str
        Stands for the rows of the pool before any codec.
    """

    embeddings: str
    chain: str
    pool: np.ndarray | None = field(compare=False, repr=False)
    raw_pool_key: str = field(init=False)

    def __post_init__(self) -> None:
        members = b"" if self.pool is None else self.pool.astype("<i8").tobytes()
        object.__setattr__(self, "raw_pool_key", artefacts.key([self.embeddings, sha256(members).hexdigest()]))

    @property
    def pool_key(self) -> str:
        """Stands for the rows of the pool as they come back."""
        return artefacts.key([self.raw_pool_key, self.chain, make_codec(parse_chain(self.chain)).version])

    def at(self, index: np.ndarray) -> tuple[np.ndarray, int]:
        """Rows (n, d) float32 as they come back, and the bytes that one of them takes.

        Raises
        ------
        NotApplicable
            Where the pool or the rows do not suit a codec.
        """
        codec = _fitted(self)
        encoded = codec.encode(store.read(self.embeddings)[index])
        return codec.decode(encoded), encoded.nbytes // max(len(index), 1)

    def learnt(self) -> list[Arrays]:
        """What the codecs have learnt from the pool, for each of them; raises as `at` does."""
        return make_codec(parse_chain(self.chain)).learnt(PoolRows(self.raw_pool_key, self.raw_pool))

    def raw_pool(self) -> Iterator[np.ndarray]:
        """The rows of the pool before any codec, some at a time."""
        rows, index = store.read(self.embeddings), np.empty(0, dtype=np.int64) if self.pool is None else self.pool
        return (rows[index[start : start + CHUNK_ROWS]] for start in range(0, len(index), CHUNK_ROWS))


@lru_cache(maxsize=4)
def _fitted(coded: Coded) -> Codec:
    return make_codec(parse_chain(coded.chain)).fitted(PoolRows(coded.raw_pool_key, coded.raw_pool))
