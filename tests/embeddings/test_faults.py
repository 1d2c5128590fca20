"""What is stored survives kills, a full disk, and processes that work at once; a flipped byte does not go unseen."""

from __future__ import annotations

import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embedkit.embeddings import store
from embedkit.embeddings.shards import Damaged, open_shard

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs fork and signals")
HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What `faults.py` counted, in memory (syncing costs nothing); it ends with an error where anything was lost."""
    memory = Path("/dev/shm")
    base = memory if os.access(memory, os.W_OK) else tmp_path_factory.mktemp("faults")
    cache = base / f"embedkit-faults-{os.getpid()}"
    ended = subprocess.run(
        [sys.executable, str(HERE / "faults.py")],
        env={**os.environ, "EMBEDKIT_CACHE": str(cache), "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    shutil.rmtree(cache, ignore_errors=True)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


@pytest.mark.slow
def test_a_kill_at_any_step_loses_nothing_that_was_acknowledged(counted: dict[str, Any]) -> None:
    killed = counted["killed"]
    assert killed["steps"] >= 100
    assert killed["ends"] == {"killed": killed["steps"]}


@pytest.mark.slow
def test_kills_again_and_again_lose_nothing_that_was_acknowledged(counted: dict[str, Any]) -> None:
    assert counted["kills in chains"] >= 50


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["full", "full from then on", "read-only from then on"])
def test_a_disk_that_is_full_or_read_only_at_any_step_is_told_and_loses_nothing(
    kind: str, counted: dict[str, Any]
) -> None:
    assert counted[kind]["steps"] == counted["killed"]["steps"]
    assert set(counted[kind]["ends"]) <= {"cannot write ", "done"}  # done: where only tidying up failed
    assert counted[kind]["ends"]["cannot write "] >= 70


KEY, N, N_SHARDS = "k" * 64, 78, 39


class Workers:
    """Processes that make the same embeddings at once, and what they told."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self.processes: list[subprocess.Popen[str]] = []

    def start(self, pause_s: float) -> int:
        command = [sys.executable, str(HERE / "worker.py"), str(self.log), str(pause_s)]
        self.processes.append(subprocess.Popen(command, stderr=subprocess.PIPE, text=True))
        return self.processes[-1].pid

    def told(self, what: str, pid: int | None = None) -> list[int]:
        """The shards that were taken, or written, by one or by all."""
        lines = [line.split() for line in self.log.read_text().splitlines()] if self.log.exists() else []
        return [int(line[1]) for line in lines if line[0] == what and pid in (None, int(line[-1]))]

    def until(self, condition: Callable[[], bool]) -> None:
        for _ in range(6000):
            if condition():
                return
            time.sleep(0.005)
        raise AssertionError(self.log.read_text())

    def join(self) -> list[int]:
        return [process.wait() for process in self.processes]


@pytest.fixture
def workers(tmp_path: Path) -> Iterator[Workers]:
    started = Workers(tmp_path / "log")
    yield started
    for process in started.processes:
        process.kill()
        process.communicate()


def assert_all_is_there() -> None:
    np.testing.assert_array_equal(store.read(KEY)[np.arange(N)][:, 0], np.arange(N))
    assert len(list(store.location(KEY).iterdir())) == N_SHARDS + 1  # shards and manifest


def test_processes_on_one_key_share_the_work_and_do_it_once(workers: Workers) -> None:
    pids = [workers.start(pause_s=0.02) for _ in range(3)]
    assert workers.join() == [0, 0, 0]
    assert sorted(workers.told("took")) == list(range(0, N, 2))
    assert all(workers.told("wrote", pid) for pid in pids)
    assert_all_is_there()


def test_what_a_killed_process_was_making_others_make(workers: Workers) -> None:
    killed = workers.start(pause_s=60)
    workers.until(lambda: workers.told("took", killed) == [0])
    other = workers.start(pause_s=0)
    workers.until(lambda: len(workers.told("wrote", other)) == N_SHARDS - 1)
    assert not store.is_complete(KEY)
    os.kill(killed, signal.SIGKILL)
    assert workers.join() == [-signal.SIGKILL, 0]
    assert workers.told("took", killed) == [0]
    assert sorted(workers.told("wrote", other)) == list(range(0, N, 2))
    assert_all_is_there()


def test_those_who_wait_are_told_for_whom(workers: Workers) -> None:
    stopped = workers.start(pause_s=60)
    workers.until(lambda: workers.told("took", stopped) == [0])
    workers.start(pause_s=0)
    text = f"waiting for 1 shard that others make (process {stopped} on {platform.node()});"
    workers.until(lambda: text in workers.log.read_text())


def test_processes_that_begin_where_one_was_killed_make_only_the_rest(workers: Workers) -> None:
    killed = workers.start(pause_s=0.02)
    workers.until(lambda: len(workers.told("wrote", killed)) >= 5)
    os.kill(killed, signal.SIGKILL)
    workers.processes[0].wait()
    written = workers.told("wrote", killed)
    workers.start(pause_s=0)
    workers.start(pause_s=0)
    assert workers.join() == [-signal.SIGKILL, 0, 0]
    assert len(workers.told("took")) <= N_SHARDS + 1  # at most the one that was killed in the making is taken twice
    assert set(workers.told("took")[len(written) + 1 :]).isdisjoint(written)
    assert_all_is_there()


def test_a_reader_of_a_key_in_the_making_sees_right_rows(workers: Workers) -> None:
    process = workers.start(pause_s=0.01)
    seen = set()
    while workers.processes[0].poll() is None:
        prefix = store.read_prefix(KEY)
        assert len(prefix) % 2 == 0
        if len(prefix):
            np.testing.assert_array_equal(prefix[np.arange(len(prefix))][:, 0], np.arange(len(prefix)))
        seen.add(len(prefix))
    assert len(seen) > 3
    assert len(workers.told("took", process)) == N_SHARDS


def stored(n: int) -> None:
    rows = np.random.default_rng(0).normal(size=(n, 5)).astype(np.float32)
    for start, stop in store.missing_shards(KEY, n):
        store.write_shard(KEY, start, rows[start:stop])
    store.finish(KEY, n, {"dataset": "digits", "recipe": {"name": "pixels", "version": 1}, "backbone_macs": 1234})


def what_is_read() -> tuple[bytes, dict[str, Any]]:
    """Rows and facts, after the checks of ``embedkit store verify``."""
    found = store.read(KEY)
    for name in store.manifest(KEY)["shards"]:
        open_shard(store.location(KEY) / name).check_rows()
    return found[np.arange(len(found))].tobytes(), store.manifest(KEY)


def flip(file: Path, at: int, bits: int) -> None:
    with file.open("r+b") as stream:
        stream.seek(at)
        (byte,) = stream.read(1)
        stream.seek(at)
        stream.write(bytes([byte ^ bits]))


def test_a_flipped_byte_is_found_or_harmless(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "SHARD_ROWS", 8)
    stored(20)
    truth = what_is_read()
    files = sorted(store.location(KEY).iterdir())
    draw = np.random.default_rng(0)
    found, harmless = 0, []
    for number in range(1000):
        file = files[number % len(files)]
        at, bits = int(draw.integers(file.stat().st_size)), int(draw.integers(1, 256))
        flip(file, at, bits)
        try:
            assert what_is_read() == truth
            harmless.append(file.name)
        except Damaged as damage:
            found += damage.file == file
        flip(file, at, bits)
    assert found + len(harmless) == 1000
    assert found >= 990
    assert set(harmless) <= {"manifest.json"}  # one white space for another
    assert what_is_read() == truth
