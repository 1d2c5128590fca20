"""A small extraction whose system calls fail, or kill it, at a chosen step. Run as a script; needs numpy only.

Every step of every kind is tried in a forked child of its own, then the extraction is run again and compared with one
that nothing happened to. Prints what it counted as JSON.
"""

from __future__ import annotations

import errno
import io
import json
import os
import random
import shutil
import signal
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from embedkit import artefacts
from embedkit.embeddings import claims, store
from embedkit.errors import EmbedkitError

KEY, N, WIDTH = "k" * 64, 10, 3
store.SHARD_ROWS = 4
ROWS = np.random.default_rng(0).normal(size=(N, WIDTH)).astype(np.float32)
os_write = os.write


def extraction(log: int | None = None) -> None:
    """Make what is missing; tell `log` which shards were made, once they are acknowledged as written."""
    if not store.is_complete(KEY):
        store.begin(KEY, N, {"dataset": "fake"})
        with claims.rounds(KEY, N) as rounds:
            for shards in rounds:
                for start, stop in shards:
                    store.write_shard(KEY, start, ROWS[start:stop])
                    if log is not None:
                        os_write(log, b"%d\n" % start)
        store.finish(KEY, N, {"dataset": "fake"})


class Steps:
    """Counts system calls that change the disk, and acts before, in the middle of, or after one of them."""

    def __init__(self, at: int, act: Callable[[], None], forever: bool = False) -> None:
        self.at, self.act, self.forever, self.count = at, act, forever, 0

    def step(self) -> None:
        self.count += 1
        if self.count == self.at or (self.forever and self.count > self.at):
            self.act()

    def around(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*arguments: Any, **options: Any) -> Any:
            self.step()
            result = call(*arguments, **options)
            self.step()
            return result

        return wrapped

    def patch(self) -> None:
        """Wrap, for the rest of this process, every call by which the store writes."""
        for name in ("fsync", "replace", "rename", "mkdir", "unlink", "write", "truncate"):
            setattr(os, name, self.around(getattr(os, name)))
        opened, descriptor_of = io.open, os.open

        def open_file(file: Any, mode: str = "r", *arguments: Any, **options: Any) -> Any:
            if "x" not in mode:
                return opened(file, mode, *arguments, **options)
            self.step()
            return Writing(opened(file, mode, *arguments, **options), self)

        def open_descriptor(path: Any, flags: int, *arguments: Any, **options: Any) -> int:
            if flags & os.O_CREAT:
                self.step()
            return descriptor_of(path, flags, *arguments, **options)

        io.open, os.open = open_file, open_descriptor  # type: ignore[assignment]


class Writing:
    """A file that is written in two halves, with a step before each, and after."""

    def __init__(self, file: Any, steps: Steps) -> None:
        self.file, self.steps = file, steps

    def write(self, data: bytes | memoryview) -> None:
        raw = bytes(data)
        for half in (raw[: len(raw) // 2], raw[len(raw) // 2 :]):
            self.steps.step()
            self.file.write(half)
            self.file.flush()
        self.steps.step()

    def flush(self) -> None:
        self.file.flush()

    def fileno(self) -> int:
        return self.file.fileno()

    def __enter__(self) -> Writing:
        return self

    def __exit__(self, *exception: object) -> None:
        self.file.close()


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def failing(number: int) -> Callable[[], None]:
    def fail() -> None:
        raise OSError(number, os.strerror(number))

    return fail


def forked(work: Callable[[int], None]) -> tuple[str, list[int]]:
    """Run in a child: how it ended ("done", "killed" or an error's text), and the shards it acknowledged."""
    reading, writing = os.pipe()
    told, telling = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            work(writing)
            end = "done"
        except EmbedkitError as error:
            end = str(error)
        except BaseException as error:
            end = f"traceback: {error!r}"
        os_write(telling, end.encode())
        os._exit(0)
    os.close(writing)
    os.close(telling)
    _, status = os.waitpid(child, 0)
    with os.fdopen(reading) as log, os.fdopen(told) as text:
        acknowledged, end = [int(line) for line in log], text.read()
    return ("killed" if os.WIFSIGNALED(status) else end), acknowledged


def shards_and_manifest() -> dict[str, bytes]:
    files = [*store.location(KEY).glob("0*.safetensors"), store.location(KEY) / store.MANIFEST]
    return {file.name: file.read_bytes() for file in files}


def rows_there() -> set[int]:
    """The rows of shards that are whole, checked to the last byte."""
    for start in range(0, N, store.SHARD_ROWS):
        stop = min(start + store.SHARD_ROWS, N)
        if store.is_there(KEY, start, stop):
            shard = store.open_shard(store.location(KEY) / store.shard_name(start))
            shard.check_rows()
            assert (shard.rows() == ROWS[start:stop]).all()
    return {start for start in range(0, N, store.SHARD_ROWS) if store.is_there(KEY, start, min(start + 4, N))}


def every_step(act: Callable[[], None], forever: bool, whole: dict[str, bytes]) -> dict[str, Any]:
    """Act at each step in turn, until one comes that the extraction does not reach."""
    ends: dict[str, int] = {}
    for at in range(1, 10_000):
        shutil.rmtree(artefacts.cache(), ignore_errors=True)

        def faulty(log: int, at: int = at) -> None:
            steps = Steps(at, act, forever)
            steps.patch()
            extraction(log)
            if steps.count < at:
                raise EmbedkitError("not reached")

        end, acknowledged = forked(faulty)
        if end == "not reached":
            return {"steps": at - 1, "ends": ends}
        kind = end if end in ("done", "killed") else end.split(str(artefacts.cache()))[0]
        ends[kind] = ends.get(kind, 0) + 1
        assert not end.startswith("traceback"), (at, end)
        assert set(acknowledged) <= rows_there(), (at, "an acknowledged shard is gone")
        again, made = forked(extraction)
        assert again == "done", (at, again)
        assert not set(made) & set(acknowledged), (at, "an acknowledged shard was made again")
        assert shards_and_manifest() == whole, (at, "other bytes than those of an undisturbed run")
    raise AssertionError


def killed_again_and_again(whole: dict[str, bytes], chains: int) -> int:
    """Kill at random steps until a run comes through; how often that was."""
    draw, kills = random.Random(0), 0
    for _ in range(chains):
        shutil.rmtree(artefacts.cache(), ignore_errors=True)
        acknowledged: set[int] = set()
        while True:

            def faulty(log: int) -> None:
                Steps(draw.randrange(1, 60), die).patch()
                extraction(log)

            draw.random()
            end, made = forked(faulty)
            assert not acknowledged & set(made)
            acknowledged |= set(made)
            assert acknowledged <= rows_there()
            if end == "done":
                break
            kills += 1
        assert shards_and_manifest() == whole
    return kills


def main() -> None:
    extraction()
    whole = shards_and_manifest()
    kinds = {
        "killed": (die, False),
        "full": (failing(errno.ENOSPC), False),
        "full from then on": (failing(errno.ENOSPC), True),
        "read-only from then on": (failing(errno.EROFS), True),
    }
    counted: dict[str, Any] = {name: every_step(act, forever, whole) for name, (act, forever) in kinds.items()}
    json.dump(counted | {"kills in chains": killed_again_and_again(whole, 30)}, sys.stdout)


if __name__ == "__main__":
    main()
