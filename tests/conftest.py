"""Every test has a cache of its own; what a machine lacks is skipped with a reason."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

SHARED_DATA = Path(os.environ.get("EMBEDKIT_SHARED_DATA", Path(__file__).parents[2] / "shared" / "data"))


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, apart from the test's own `tmp_path`."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("EMBEDKIT_CACHE", str(folder))
    return folder


@pytest.fixture
def write_photo() -> Callable[..., Path]:
    """Writes a small photo of noise that depends on the seed only: ``write_photo(path, seed, size=(24, 20))``."""

    def write(path: Path, seed: int, size: tuple[int, int] = (24, 20)) -> Path:
        pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
        return path

    return write


@pytest.fixture
def photos(tmp_path: Path, write_photo: Callable[..., Path]) -> Path:
    """A folder of two class folders, ``cat`` and ``dog``, with 6 photos each."""
    for number, name in enumerate(("cat", "dog")):
        for i in range(6):
            write_photo(tmp_path / "photos" / name / f"{i}.png", seed=10 * number + i)
    return tmp_path / "photos"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    import torch

    there = {
        "gpu": (torch.cuda.is_available(), "needs a CUDA device"),
        "network": (os.environ.get("EMBEDKIT_NETWORK") == "1", "needs the internet: set EMBEDKIT_NETWORK=1"),
        "shared_data": (SHARED_DATA.is_dir(), f"needs {SHARED_DATA}: set EMBEDKIT_SHARED_DATA"),
    }
    for item in items:
        for marker, (present, reason) in there.items():
            if marker in item.keywords and not present:
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture
def shared_data() -> Path:
    return SHARED_DATA
