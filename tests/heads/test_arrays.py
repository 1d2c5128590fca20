from __future__ import annotations

import numpy as np
import torch

from embedkit.heads.arrays import as_numpy, like, namespace, on_device


def test_on_the_cpu_arrays_are_those_of_numpy() -> None:
    X = np.arange(3.0)
    assert on_device(X, "cpu") is X
    assert like(X, np.zeros(2)) is X
    assert as_numpy(X) is X
    assert namespace(X) is np


def test_elsewhere_they_are_tensors(gpu: str) -> None:
    X = np.arange(3.0)
    tensor = on_device(X, gpu)
    assert namespace(tensor) is torch
    assert tensor.device.type == torch.device(gpu).type
    assert like(np.arange(3), tensor).dtype == torch.float64
    np.testing.assert_array_equal(as_numpy(tensor), X)
