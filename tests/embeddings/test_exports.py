"""Stored embeddings as files that other libraries read."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from embedkit.embeddings import store
from embedkit.embeddings.exports import export
from embedkit.errors import EmbedkitError

KEY = "k" * 64


@pytest.fixture(autouse=True)
def rows(monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    """Stored rows (10, 3), in shards of 4."""
    monkeypatch.setattr(store, "SHARD_ROWS", 4)
    X = np.random.default_rng(0).normal(size=(10, 3)).astype(np.float32)
    for start in range(0, 10, 4):
        store.write_shard(KEY, start, X[start : start + 4])
    store.finish(KEY, 10, {})
    return X


def test_numpy_reads_the_rows(rows: np.ndarray, tmp_path: Path) -> None:
    assert export(KEY, tmp_path / "rows.npy") == (10, 3)
    found = np.load(tmp_path / "rows.npy", allow_pickle=False)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, rows)
    assert [file.name for file in tmp_path.iterdir()] == ["rows.npy"]


def test_pyarrow_reads_the_rows(rows: np.ndarray, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason='needs pip install "embedkit[parquet]"')
    assert export(KEY, tmp_path / "rows.parquet") == (10, 3)
    table = parquet.read_table(tmp_path / "rows.parquet")
    assert table.column_names == ["row", "embedding"]
    assert table["row"].to_pylist() == list(range(10))
    np.testing.assert_array_equal(np.array(table["embedding"].to_pylist(), dtype=np.float32), rows)
    assert str(table.schema.field("embedding").type) == "fixed_size_list<element: float>[3]"


def test_parquet_holds_the_ids_of_the_images_where_they_were_kept(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason='needs pip install "embedkit[parquet]"')
    ids = [f"cat/{i}.png" for i in range(10)]
    store.write_ids(KEY, ids)
    export(KEY, tmp_path / "rows.parquet")
    table = parquet.read_table(tmp_path / "rows.parquet")
    assert table.column_names == ["row", "id", "embedding"]
    assert table["id"].to_pylist() == ids


@pytest.mark.parametrize("name", ["rows.npy", "rows.parquet"])
def test_a_file_that_is_there_is_replaced_only_by_force(name: str, tmp_path: Path) -> None:
    if name == "rows.parquet":
        pytest.importorskip("pyarrow", reason='needs pip install "embedkit[parquet]"')
    (tmp_path / name).write_bytes(b"mine")
    with pytest.raises(EmbedkitError) as told:
        export(KEY, tmp_path / name)
    assert str(told.value) == f"{tmp_path / name} is there already; give another name, or --force to replace it"
    assert (tmp_path / name).read_bytes() == b"mine"
    export(KEY, tmp_path / name, force=True)
    assert (tmp_path / name).read_bytes() != b"mine"


def test_without_pyarrow_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(EmbedkitError) as told:
        export(KEY, tmp_path / "rows.parquet")
    assert str(told.value) == 'Parquet files need pyarrow: pip install "embedkit[parquet]" (or export to .npy)'
    assert list(tmp_path.iterdir()) == []


def test_another_ending_is_told(tmp_path: Path) -> None:
    with pytest.raises(EmbedkitError, match=r"cannot export to 'rows.csv': files end in .npy or .parquet"):
        export(KEY, tmp_path / "rows.csv")


@pytest.mark.parametrize("name", ["rows.npy", "rows.parquet"])
def test_damaged_rows_are_not_exported(name: str, tmp_path: Path) -> None:
    if name == "rows.parquet":
        pytest.importorskip("pyarrow", reason='needs pip install "embedkit[parquet]"')
    file = store.location(KEY) / "000000004.safetensors"
    file.write_bytes(file.read_bytes()[:-1] + b"\1")
    with pytest.raises(EmbedkitError, match=r"000000004.safetensors is damaged: its rows are not those"):
        export(KEY, tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    (tmp_path / "rows.npy").write_bytes(b"old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(EmbedkitError, match=r"cannot write .*rows.npy: No space left on device"):
        export(KEY, tmp_path / "rows.npy", force=True)
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [b"old"]
