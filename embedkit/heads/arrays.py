"""The same formulas on the CPU by NumPy, on a GPU by torch.

Both know ``@``, ``.T``, ``.mean(axis=...)``, ``.sum(axis=...)`` and the functions that `namespace` gives. On the CPU
NumPy takes half the time that torch takes for the large products and exponentials of kernels.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = Any
"""A NumPy array, or a torch tensor on some device."""


def on_device(X: np.ndarray, device: str) -> Array:
    """`X` itself for ``"cpu"``; a tensor for any other device of torch (tests take ``"cpu:0"``, the CPU by torch)."""
    if device == "cpu":
        return X
    import torch

    return torch.from_numpy(X).to(device)


def like(X: np.ndarray, other: Array) -> Array:
    """`X` where `other` is, and of its kind and dtype."""
    return X if isinstance(other, np.ndarray) else other.new_tensor(X)


def namespace(X: Array) -> Any:
    """The module whose functions take `X`: numpy or torch."""
    if isinstance(X, np.ndarray):
        return np
    import torch

    return torch


def as_numpy(X: Array) -> np.ndarray:
    """`X` as a NumPy array in the memory of the CPU."""
    return X if isinstance(X, np.ndarray) else X.cpu().numpy()
