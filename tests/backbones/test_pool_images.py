from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from embedkit.backbones import Images, pool_images
from embedkit.backbones.pool_images import PoolImages, as_input
from embedkit.datasets import open_dataset
from embedkit.datasets.dataset import Dataset, subset
from embedkit.spec import parse

INDICES = [torch.tensor([3, 1]), torch.tensor([0]), torch.tensor([2, 2, 4]), torch.tensor([1])]


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return subset(open_dataset(parse("digits")), np.arange(10))


@pytest.fixture(params=["held", "loaded one by one"])
def bound(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param != "held":
        monkeypatch.setattr(pool_images, "BYTES_MAX_CPU", 0)
    return request.param


@pytest.mark.usefixtures("bound")
def test_batches_are_images_of_the_pool_in_the_order_asked(digits: Dataset) -> None:
    pool = PoolImages(Images(digits, np.array([9, 8, 7, 6, 5])), (1, 8, 8), "cpu")
    assert len(pool) == 5
    for batch, indices in zip(pool.batches(INDICES), INDICES, strict=True):
        assert batch.dtype == torch.uint8
        assert batch.is_contiguous(memory_format=torch.channels_last)
        expected = np.stack([digits.image(9 - int(i)) for i in indices]).transpose(0, 3, 1, 2)
        np.testing.assert_array_equal(batch, expected)


@pytest.mark.usefixtures("bound")
def test_images_of_other_sizes_are_resized_and_grey_ones_repeated(digits: Dataset) -> None:
    mixed = replace(digits, image=lambda i: digits.image(i)[: 4 + i], shape=None)
    [batch] = PoolImages(Images(mixed, np.arange(5)), (3, 16, 16), "cpu").batches([torch.arange(5)])
    assert batch.shape == (5, 3, 16, 16)
    np.testing.assert_array_equal(batch[:, 0], batch[:, 2])
    assert (batch[3].float().mean() - mixed.image(3).mean()).abs() < 3


def test_only_a_few_batches_are_loaded_ahead(digits: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool_images, "BYTES_MAX_CPU", 0)
    asked: list[int] = []

    def indices() -> list[torch.Tensor]:
        for at in range(10):
            asked.append(at)
            yield torch.tensor([at])

    batches = PoolImages(Images(digits, np.arange(10)), (1, 8, 8), "cpu").batches(indices())  # type: ignore[arg-type]
    next(batches)
    assert asked == [0, 1, 2]


def test_an_image_of_the_size_stays_as_it_is(digits: Dataset) -> None:
    image = digits.image(0)
    torch.testing.assert_close(as_input(image, (1, 8, 8)), torch.tensor(image).permute(2, 0, 1) / 255)


def test_an_image_is_resized_without_regard_to_its_ratio() -> None:
    halves = np.zeros((40, 20, 1), dtype=np.uint8)
    halves[:20] = 255
    resized = as_input(halves, (1, 10, 10))
    torch.testing.assert_close(resized[0, :, 3], torch.tensor([1.0] * 4 + [1.0, 0.0] + [0.0] * 4), atol=0.2, rtol=0)
