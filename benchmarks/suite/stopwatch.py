"""Seconds of the processor, which other processes do not lengthen: the least of several, and how they grow."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import Any


def least_seconds(work: Callable[[], Any], times: int) -> float:
    """The shortest of several runs, all threads of this process together."""
    taken = []
    for _ in range(times):
        started = time.process_time()
        work()
        taken.append(time.process_time() - started)
    return min(taken)


def exponent(sizes: Sequence[float], seconds: Sequence[float]) -> float:
    """The slope of log seconds over log size, by least squares: 1 is linear, 2 quadratic."""
    x, y = ([math.log(value) for value in values] for values in (sizes, seconds))
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    return sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True)) / sum((a - mean_x) ** 2 for a in x)


def growth(work_of: Callable[[int], Callable[[], Any]], sizes: Sequence[int], times: int = 4) -> float:
    """The exponent by which the time of work grows with its size; sizes take turns, so that noise meets all of them."""
    works = [work_of(size) for size in sizes]
    works[0]()
    turns = [[least_seconds(work, 1) for work in works] for _ in range(times)]
    return exponent(sizes, [min(taken) for taken in zip(*turns, strict=True)])
