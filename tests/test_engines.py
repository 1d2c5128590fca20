from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import cloudpickle
import pytest
import threadpoolctl
import torch

from embedkit import artefacts, engines
from embedkit.errors import EmbedkitError

cloudpickle.register_pickle_by_value(sys.modules[__name__])  # workers cannot import this file


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One cache for all tests of this file: workers start anew for another one."""
    folder = tmp_path_factory.getbasetemp() / "engines"
    monkeypatch.setenv("EMBEDKIT_CACHE", str(folder))
    return folder


def square(number: int) -> int:
    return number * number


def fail_at(number: int, bad: int) -> int:
    if number == bad:
        raise ValueError(f"no {number}")
    return number


def process_id(_: int) -> int:
    return os.getpid()


def thread_counts(_: int) -> set[int]:
    import scipy.linalg
    import sklearn.neighbors

    del scipy, sklearn
    return {torch.get_num_threads(), *(pool["num_threads"] for pool in threadpoolctl.threadpool_info())}


def end_the_worker(number: int) -> int:
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


both = pytest.mark.parametrize("jobs", [1, 2])


def test_warmed_up_workers_are_those_that_work() -> None:
    engines.warm_up(2)
    workers = {process.pid for process in multiprocessing.active_children()}
    assert set(engines.run(process_id, ((i,) for i in range(20)), 2)) <= workers


def cache_folder(_: int) -> str:
    return str(artefacts.cache())


def test_workers_that_are_ended_are_gone_and_others_can_start() -> None:
    (pid, *_) = set(engines.run(process_id, ((i,) for i in range(4)), 2))
    engines.end_workers()
    assert not _is_there(pid)
    assert pid not in set(engines.run(process_id, ((i,) for i in range(4)), 2))


def test_workers_use_the_cache_of_today(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("first", "second"):
        monkeypatch.setenv("EMBEDKIT_CACHE", str(tmp_path / name))
        assert set(engines.run(cache_folder, ((i,) for i in range(4)), 2)) == {str(tmp_path / name)}


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="kills a process")
def test_workers_end_with_a_parent_that_is_killed() -> None:
    code = (
        "import multiprocessing, time\nfrom concurrent.futures import wait\nfrom embedkit import engines\n"
        "wait(engines.warm_up(2))\nprint(*(p.pid for p in multiprocessing.active_children()), flush=True)\n"
        "time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        workers = [int(pid) for pid in process.stdout.readline().split()]
        process.kill()
    assert len(workers) == 2
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and any(map(_is_there, workers)):
        time.sleep(0.2)
    assert not any(map(_is_there, workers))


def _is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@both
@pytest.mark.parametrize("n", [0, 1, 40])
def test_the_results_of_all_tasks_come(jobs: int, n: int) -> None:
    assert sorted(engines.run(square, ((i,) for i in range(n)), jobs)) == [i * i for i in range(n)]


@both
def test_tasks_are_made_in_the_calling_thread(jobs: int) -> None:
    makers = set()

    def tasks() -> Iterator[tuple[int]]:
        for i in range(40):
            makers.add(threading.get_ident())
            yield (i,)

    list(engines.run(square, tasks(), jobs))
    assert makers == {threading.get_ident()}


def test_one_job_works_in_this_process_and_two_in_others() -> None:
    here = os.getpid()
    assert set(engines.run(process_id, ((i,) for i in range(4)), 1)) == {here}
    assert here not in set(engines.run(process_id, ((i,) for i in range(4)), 2))


def test_workers_have_one_thread() -> None:
    assert list(engines.run(thread_counts, ((i,) for i in range(4)), 2)) == [{1}] * 4


def test_one_job_has_one_thread_even_in_libraries_that_it_loads_first() -> None:
    program = (
        "import threadpoolctl, torch\n"
        "from embedkit import engines\n"
        "def work():\n"
        "    import scipy.linalg, sklearn.neighbors, xgboost\n"
        "    return {torch.get_num_threads(), *(pool['num_threads'] for pool in threadpoolctl.threadpool_info())}\n"
        "print(list(engines.run(work, [()], 1)))\n"
    )
    many = {"OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2"}
    done = subprocess.run([sys.executable, "-c", program], env=os.environ | many, capture_output=True, check=True)
    assert done.stdout.decode().strip() == "[{1}]"


def test_one_job_gives_the_threads_back() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        assert list(engines.run(thread_counts, [(0,)], 1)) == [{1}]
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_default_jobs_are_the_processors_that_this_process_may_use() -> None:
    assert engines.default_jobs() == len(os.sched_getaffinity(0))


def test_an_exception_while_tasks_are_made_comes_out_as_it_is() -> None:
    def tasks() -> Iterator[tuple[int]]:
        yield from ((i,) for i in range(10))
        raise KeyError("no task")

    with pytest.raises(KeyError, match="no task"):
        list(engines.run(square, tasks(), 1))


@both
def test_an_exception_of_the_work_comes_out_as_it_is(jobs: int) -> None:
    with pytest.raises(ValueError, match="no 7"):
        list(engines.run(fail_at, ((i, 7) for i in range(20)), jobs))


@both
def test_tasks_are_made_a_few_ahead_only(jobs: int) -> None:
    made = []

    def tasks() -> Iterator[tuple[int]]:
        for i in range(100):
            made.append(i)
            yield (i,)

    results = engines.run(square, tasks(), jobs)
    next(results)
    assert len(made) <= 3 * jobs
    results.close()


def test_a_killed_worker_is_told_of_with_the_remedy() -> None:
    with pytest.raises(EmbedkitError) as caught:
        list(engines.run(end_the_worker, ((i,) for i in range(6)), 2))
    assert str(caught.value) == (
        "the system ended a worker process, probably for want of memory; finished trials are kept: "
        "run the same command again with fewer --jobs"
    )


def test_threads_give_results_in_order_and_are_few_ahead() -> None:
    begun: list[int] = []

    def slower_at_first(i: int) -> int:
        begun.append(i)
        time.sleep(0.01 if i == 0 else 0)
        return i * i

    results = engines.in_order(slower_at_first, range(1000), ahead=4)
    assert [next(results) for _ in range(3)] == [0, 1, 4]
    assert max(begun) <= 6
    results.close()
    assert list(engines.in_order(square, range(10), ahead=3)) == [i * i for i in range(10)]
    assert list(engines.in_order(square, [], ahead=3)) == []


def test_who_stops_early_does_not_wait_for_threads() -> None:
    free = threading.Event()
    results = engines.in_order(lambda i: i == 0 or free.wait(20), range(8), ahead=4)
    assert next(results)
    started = time.monotonic()
    results.close()
    assert time.monotonic() - started < 5
    free.set()
