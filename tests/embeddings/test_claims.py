"""Who makes which shard, seen from one process; `test_faults.py` has several."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest

from embedkit.embeddings import claims, store
from embedkit.errors import EmbedkitError

fcntl = pytest.importorskip("fcntl", reason="needs POSIX locks")
KEY = "k" * 64


@pytest.fixture(autouse=True)
def shards_of_four(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "SHARD_ROWS", 4)


def write(start: int, stop: int) -> None:
    store.write_shard(KEY, start, np.arange(start, stop)[:, None])


def left_behind() -> list[str]:
    return sorted(file.name for file in store.location(KEY).glob(".*"))


def test_a_round_gives_the_shards_that_are_missing() -> None:
    write(4, 8)
    with claims.rounds(KEY, 10) as rounds:
        assert list(next(rounds)) == [(0, 4), (8, 10)]


def test_there_is_no_round_where_nothing_is_missing() -> None:
    write(0, 4)
    with claims.rounds(KEY, 4) as rounds:
        assert list(rounds) == []


def test_shards_may_be_taken_ahead_and_written_in_any_order() -> None:
    with claims.rounds(KEY, 10) as rounds:
        for shards in rounds:
            for start, stop in reversed(list(shards)):
                write(start, stop)
    assert store.missing_shards(KEY, 10) == []
    assert left_behind() == []


def test_what_is_claimed_elsewhere_is_left_out_until_that_claim_ends() -> None:
    with claims.rounds(KEY, 10) as first, claims.rounds(KEY, 10) as second:
        assert next(next(first)) == (0, 4)
        assert list(next(second)) == [(4, 8), (8, 10)]
    with claims.rounds(KEY, 10) as rounds:
        assert list(next(rounds)) == [(0, 4), (4, 8), (8, 10)]


def test_what_was_not_written_in_a_round_comes_again_in_the_next() -> None:
    with claims.rounds(KEY, 10) as rounds:
        assert len(list(next(rounds))) == 3
        write(0, 4)
        assert list(next(rounds)) == [(4, 8), (8, 10)]


def test_claims_end_where_the_work_fails_even_if_the_error_is_kept() -> None:
    def fail() -> None:
        with claims.rounds(KEY, 10) as rounds:
            assert next(next(rounds)) == (0, 4)
            raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone") as kept:
        fail()
    assert not claims.in_progress(KEY)
    with claims.rounds(KEY, 10) as rounds:
        assert next(next(rounds)) == (0, 4)
    assert kept.tb is not None


def test_a_claim_file_without_its_process_is_taken_over_with_what_was_half_written() -> None:
    write(4, 8)
    folder = store.location(KEY)
    (folder / ".000000000.claim").write_text("process 1 on elsewhere")
    (folder / ".000000000.safetensors.0a1b2c3d").write_bytes(b"half")
    assert not claims.in_progress(KEY)
    with claims.rounds(KEY, 8) as rounds:
        for start, stop in next(rounds):
            write(start, stop)
    assert left_behind() == []


def test_without_locks_the_work_is_done_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_locks(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", no_locks)
    with claims.rounds(KEY, 10) as first, claims.rounds(KEY, 10) as second:
        assert list(next(first)) == list(next(second)) == [(0, 4), (4, 8), (8, 10)]
        for start in (0, 4, 8):
            write(start, min(start + 4, 10))
            write(start, min(start + 4, 10))
        assert list(first) == list(second) == []


def test_a_folder_that_cannot_be_written_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = os.open

    def read_only(path: Path, flags: int, *mode: int) -> int:
        if flags & os.O_CREAT:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        return opened(path, flags, *mode)

    monkeypatch.setattr(os, "open", read_only)
    with (
        pytest.raises(EmbedkitError, match=r"cannot write .*000000000.claim: Read-only file system; free some space"),
        claims.rounds(KEY, 10) as rounds,
    ):
        next(next(rounds))
