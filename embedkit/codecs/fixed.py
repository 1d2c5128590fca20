"""Codecs that store each number in fewer bytes."""

from __future__ import annotations

import numpy as np

from embedkit.codecs.codec import Codec
from embedkit.errors import NotApplicable


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
