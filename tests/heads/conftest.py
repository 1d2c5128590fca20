from __future__ import annotations

import pytest


@pytest.fixture(params=["cpu:0", pytest.param("cuda", marks=pytest.mark.gpu)])
def gpu(request: pytest.FixtureRequest) -> str:
    """A device that heads take for a GPU: the CPU by torch, and a real one where there is one."""
    return request.param
