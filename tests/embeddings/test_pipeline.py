from __future__ import annotations

import threading
from collections.abc import Iterable

import pytest
import torch

from embedkit.embeddings.pipeline import batch_size, embed_on_cpu


def in_batches(n: int, size: int) -> Iterable[range]:
    return [range(at, min(at + size, n)) for at in range(0, n, size)]


def load(i: int) -> torch.Tensor:
    return torch.full((1, 2, 2), float(i))


def run(batch: torch.Tensor) -> torch.Tensor:
    return batch.flatten(1)[:, :1] * 10


def test_vectors_come_batch_by_batch_in_order() -> None:
    found = list(embed_on_cpu(run, load, in_batches(10, 4)))
    assert [rows[:, 0].tolist() for rows in found] == [[0, 10, 20, 30], [40, 50, 60, 70], [80, 90]]


def test_only_a_few_images_are_loaded_ahead() -> None:
    loaded: list[int] = []

    def logged(i: int) -> torch.Tensor:
        loaded.append(i)
        return load(i)

    next(iter(embed_on_cpu(run, logged, in_batches(100_000, 1))))
    assert len(loaded) < 2000


def test_an_image_that_cannot_be_loaded_ends_it() -> None:
    def broken(i: int) -> torch.Tensor:
        if i == 5:
            raise OSError("the disk is gone")
        return load(i)

    vectors = embed_on_cpu(run, broken, in_batches(10, 2))
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


@pytest.mark.parametrize(("side", "size"), [(224, 8), (512, 1), (1024, 1), (28, 256)])
def test_large_images_go_through_few_at_a_time(side: int, size: int) -> None:
    assert batch_size(torch.zeros(3, side, side), "cpu") == size
    assert batch_size(torch.zeros(3, side, side), "cuda") == 256
