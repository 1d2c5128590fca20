"""Where work runs: in this process, in threads, or in local worker processes with one thread each."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, contextmanager
from functools import lru_cache
from itertools import islice
from typing import Any, TypeVar

from embedkit import artefacts
from embedkit.errors import EmbedkitError

Item = TypeVar("Item")
Result = TypeVar("Result")


def default_jobs() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run(work: Callable[..., Result], tasks: Iterable[tuple[Any, ...]], jobs: int, threads: int = 1) -> Iterator[Result]:
    """Call ``work(*task)`` for every task and give the results as they come, in no order.

    Tasks are made here, in the calling thread, a few ahead of the workers. With one job that is this process, where
    libraries compute with so many threads; workers have one.

    Raises
    ------
    EmbedkitError
        Where the system killed a worker.
    """
    if jobs == 1:
        with _threads(threads):
            for task in tasks:
                yield work(*task)
        return
    from loky.process_executor import BrokenProcessPool

    workers, ahead = _workers(jobs), iter(tasks)
    waiting: set[Future[Result]] = set()
    try:
        while True:
            waiting |= {workers.submit(_in_worker, work, task) for task in islice(ahead, 3 * jobs - len(waiting))}
            if not waiting:
                return
            done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            for future in done:
                yield future.result()
    except BrokenProcessPool:
        raise EmbedkitError(
            "the system ended a worker process, probably for want of memory; finished trials are kept: "
            "run the same command again with fewer --jobs"
        ) from None
    finally:
        if waiting:
            workers.shutdown(wait=False, kill_workers=True)


def in_order(work: Callable[[Item], Result], items: Iterable[Item], ahead: int) -> Generator[Result, None, None]:
    """What `work` gives for each item, in their order, from a thread for each core.

    At most `ahead` items are begun or waiting, so that memory does not grow with their number. Who stops early does not
    wait for those that are begun.
    """
    threads = ThreadPoolExecutor(default_jobs())
    waiting: deque[Future[Result]] = deque()
    try:
        for item in items:
            waiting.append(threads.submit(work, item))
            if len(waiting) == ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        threads.shutdown(wait=False, cancel_futures=True)


def warm_up(jobs: int) -> list[Future[None]]:
    """Have the workers that `run` will use start and load their libraries; the futures tell when that is done."""
    if jobs == 1:
        return []
    workers = _workers(jobs)
    return [workers.submit(_load_libraries) for _ in range(jobs)]


def _workers(jobs: int) -> Any:
    """The worker processes of this process, started once for one cache.

    The settings of threads reach libraries that are loaded later, too.
    """
    from loky import get_reusable_executor

    one_thread = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL", "BLIS")}
    settings = {**one_thread, "EMBEDKIT_CACHE": str(artefacts.cache().absolute())}
    started = get_reusable_executor(jobs, timeout=300, env=settings, initializer=_end_with, initargs=(os.getpid(),))
    _started.add(started)
    return started


_started: set[Any] = set()


def end_workers() -> None:
    """End the worker processes at once, whatever they do."""
    while _started:
        _started.pop().shutdown(kill_workers=True)


def _end_with(parent: int) -> None:
    """Have this worker end with its parent, which may be killed and cannot say so then; Ctrl-C is for the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _load_libraries() -> None:
    import sklearn.ensemble
    import sklearn.linear_model
    import torch
    import xgboost

    import embedkit.trials

    del sklearn, torch, xgboost, embedkit


def _in_worker(work: Callable[..., Result], task: tuple[Any, ...]) -> Result:
    _limit_threads_for_good()
    return work(*task)


@lru_cache(maxsize=1)
def _limit_threads_for_good() -> None:
    import torch
    from threadpoolctl import threadpool_limits

    torch.set_num_threads(1)
    threadpool_limits(1)


@contextmanager
def _threads(count: int) -> Iterator[None]:
    from threadpoolctl import threadpool_limits

    _load_libraries()  # those that are loaded later would not be limited
    with _torch_threads(count), threadpool_limits(count):
        yield


def one_torch_thread() -> AbstractContextManager[None]:
    """Within, each of torch's operations runs on the thread that calls it."""
    return _torch_threads(1)


@contextmanager
def _torch_threads(count: int) -> Iterator[None]:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
