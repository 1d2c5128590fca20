"""Rows of Parquet files: the right bytes in any order, each window read once in order, a bound on what is held."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pa = pytest.importorskip("pyarrow", reason='needs pyarrow: pip install "embedkit[parquet]"')
import pyarrow.parquet as pq  # noqa: E402

from embedkit.datasets import row_groups  # noqa: E402
from embedkit.datasets.row_groups import ImageRows  # noqa: E402

SIZES = (7, 0, 5)
ROW_BYTES = 1000
N = sum(SIZES)


def row(i: int) -> bytes:
    return np.random.default_rng(i).bytes(ROW_BYTES)


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Files of 7, 0 and 5 rows, in row groups of 4."""
    at, written = 0, []
    for k, size in enumerate(SIZES):
        rows = [{"bytes": row(at + i)} for i in range(size)]
        at += size
        table = pa.table({"image": pa.array(rows, pa.struct([("bytes", pa.binary())]))})
        pq.write_table(table, tmp_path / f"{k}.parquet", row_group_size=4, use_dictionary=False, write_statistics=False)
        written.append(tmp_path / f"{k}.parquet")
    return written


@pytest.fixture
def read(files: list[Path]) -> Callable[[], ImageRows]:
    return lambda: ImageRows(["image"] * len(files), lambda k: pq.ParquetFile(files[k]))


def test_rows_count_on_from_file_to_file(read: Callable[[], ImageRows]) -> None:
    rows = read()
    assert rows.starts == [0, 7, 7, 12]
    assert [rows[i] for i in range(N)] == [row(i) for i in range(N)]


@pytest.mark.parametrize("window", [1, 2500, 10**6])
def test_any_order_gives_the_same_rows(window: int, read: Callable[[], ImageRows], monkeypatch: Any) -> None:
    monkeypatch.setattr(row_groups, "WINDOW_BYTES", window)
    monkeypatch.setattr(row_groups, "HELD_BYTES", 2 * window)
    rows = read()
    for i in np.random.default_rng(0).integers(0, N, 100):
        assert rows[int(i)] == row(int(i))


def test_in_order_every_window_is_read_once_and_few_are_held(
    read: Callable[[], ImageRows], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_groups, "WINDOW_BYTES", 2500)
    monkeypatch.setattr(row_groups, "HELD_BYTES", 5000)
    rows, windows = read(), []
    real = rows._read
    monkeypatch.setattr(rows, "_read", lambda i: windows.append(i) or real(i))
    for i in range(N):
        assert rows[i] == row(i)
        assert sum(held.rows.nbytes for held in rows._held) <= row_groups.HELD_BYTES
    assert windows == [0, 2, 4, 6, 7, 9, 11]


def test_threads_share_it(read: Callable[[], ImageRows], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_groups, "HELD_BYTES", 1)
    rows, wrong = read(), []

    def work(seed: int) -> None:
        for i in np.random.default_rng(seed).integers(0, N, 50):
            if rows[int(i)] != row(int(i)):
                wrong.append(int(i))

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
