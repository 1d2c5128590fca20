from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator

import numpy as np
import pytest
import torch

from embedkit.embeddings.pipeline import batch_on_cpu, embed_on_cpu, embed_on_gpu

both = pytest.mark.parametrize("embed", [embed_on_cpu, embed_on_gpu])
Embed = Callable[..., Iterator[np.ndarray]]


def in_batches(n: int, size: int) -> Iterable[range]:
    return [range(at, min(at + size, n)) for at in range(0, n, size)]


def load(i: int) -> torch.Tensor:
    return torch.full((1, 2, 2), float(i))


def run(batch: torch.Tensor) -> torch.Tensor:
    return batch.flatten(1)[:, :1] * 10


@both
def test_vectors_come_batch_by_batch_in_order(embed: Embed) -> None:
    found = list(embed(run, load, in_batches(10, 4)))
    assert [rows[:, 0].tolist() for rows in found] == [[0, 10, 20, 30], [40, 50, 60, 70], [80, 90]]


@both
def test_only_a_few_images_are_loaded_ahead(embed: Embed) -> None:
    loaded: list[int] = []

    def logged(i: int) -> torch.Tensor:
        loaded.append(i)
        return load(i)

    next(iter(embed(run, logged, in_batches(100_000, 1))))
    assert len(loaded) < 2000


@both
def test_an_image_that_cannot_be_loaded_ends_it(embed: Embed) -> None:
    def broken(i: int) -> torch.Tensor:
        if i == 5:
            raise OSError("the disk is gone")
        return load(i)

    vectors = embed(run, broken, in_batches(10, 2))
    with pytest.raises(OSError, match="the disk is gone"):
        list(vectors)


def test_on_a_cpu_networks_run_with_one_thread_each() -> None:
    seen = set()

    def counted(batch: torch.Tensor) -> torch.Tensor:
        seen.add((torch.get_num_threads(), threading.current_thread() is threading.main_thread()))
        return run(batch)

    before = torch.get_num_threads()
    list(embed_on_cpu(counted, load, in_batches(10, 2)))
    assert seen == {(1, False)}
    assert torch.get_num_threads() == before


def test_a_batch_that_does_not_fit_is_halved_for_good() -> None:
    sizes: list[int] = []

    def small(batch: torch.Tensor) -> torch.Tensor:
        sizes.append(len(batch))
        if len(batch) > 70:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return run(batch)

    found = np.concatenate(list(embed_on_gpu(small, load, in_batches(512, 256))))
    np.testing.assert_array_equal(found[:, 0], np.arange(512) * 10)
    assert sizes == [256, 128, *[64] * 8]


def test_an_image_that_does_not_fit_is_an_error() -> None:
    def none(batch: torch.Tensor) -> torch.Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(torch.OutOfMemoryError):
        list(embed_on_gpu(none, load, in_batches(4, 4)))


@pytest.mark.parametrize(("side", "size"), [(224, 8), (512, 1), (1024, 1), (28, 256)])
def test_large_images_go_through_few_at_a_time(side: int, size: int) -> None:
    assert batch_on_cpu(torch.zeros(3, side, side)) == size
