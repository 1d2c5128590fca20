from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from embedkit.embeddings import store

KEY = "k" * 64


@pytest.fixture(autouse=True)
def shards_of_four(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "SHARD_ROWS", 4)


@pytest.fixture
def rows() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(10, 3)).astype(np.float32)


def write(rows: np.ndarray, key: str = KEY) -> None:
    for start, stop in store.missing_shards(key, len(rows)):
        store.write_shard(key, start, rows[start:stop])


@pytest.mark.parametrize("n", [1, 4, 8, 10])
def test_rows_come_back_as_they_were(rows: np.ndarray, n: int) -> None:
    write(rows[:n])
    store.finish(KEY, n, {})
    found = store.read(KEY)
    assert (len(found), found.shape) == (n, (n, 3))
    np.testing.assert_array_equal(found[np.arange(n)], rows[:n])


@pytest.mark.parametrize("indices", [[9, 0, 5, 4, 3], [7, 7, 1, 7], [2], []])
def test_rows_are_taken_across_shards_in_the_order_asked_for(rows: np.ndarray, indices: list[int]) -> None:
    write(rows)
    store.finish(KEY, 10, {})
    np.testing.assert_array_equal(store.read(KEY)[np.array(indices, dtype=int)], rows[indices])


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16])
def test_rows_are_float32_whatever_was_written(dtype: type) -> None:
    write(np.array([[0.5, -2], [3, 4]], dtype=dtype)[:, ::-1])
    store.finish(KEY, 2, {})
    found = store.read(KEY)[np.arange(2)]
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, [[-2, 0.5], [4, 3]])
    assert load_file(store.location(KEY) / "000000000.safetensors")["rows"].dtype == np.float32


def test_rows_asked_for_are_copies(rows: np.ndarray) -> None:
    write(rows)
    store.finish(KEY, 10, {})
    store.read(KEY)[np.array([1])][:] = 0
    np.testing.assert_array_equal(store.read(KEY)[np.array([1])], rows[[1]])


@pytest.mark.parametrize("index", [10, -1])
def test_rows_that_are_not_there_are_an_error(rows: np.ndarray, index: int) -> None:
    write(rows)
    store.finish(KEY, 10, {})
    with pytest.raises(IndexError):
        store.read(KEY)[np.array([index])]


def test_the_safetensors_library_reads_the_shards(rows: np.ndarray) -> None:
    write(rows)
    shards = [load_file(file)["rows"] for file in sorted(store.location(KEY).glob("*.safetensors"))]
    assert [len(shard) for shard in shards] == [4, 4, 2]
    np.testing.assert_array_equal(np.concatenate(shards), rows)


def test_nothing_is_complete_before_it_is_finished(rows: np.ndarray) -> None:
    assert not store.is_complete(KEY)
    write(rows)
    assert not store.is_complete(KEY)
    store.finish(KEY, 10, {})
    assert store.is_complete(KEY)
    assert not store.is_complete("l" * 64)


def test_asking_whether_a_key_is_complete_leaves_nothing_behind(cache: Path) -> None:
    store.is_complete(KEY)
    assert list(cache.iterdir()) == []


def test_only_shards_that_are_not_there_are_missing(rows: np.ndarray) -> None:
    assert store.missing_shards(KEY, 10) == [(0, 4), (4, 8), (8, 10)]
    store.write_shard(KEY, 4, rows[4:8])
    assert store.missing_shards(KEY, 10) == [(0, 4), (8, 10)]


def test_a_file_that_was_not_finished_is_no_shard(rows: np.ndarray) -> None:
    store.write_shard(KEY, 0, rows[:4])
    shard = store.location(KEY) / "000000000.safetensors"
    shard.rename(shard.with_name(f".{shard.name}.tmp"))
    assert store.missing_shards(KEY, 4) == [(0, 4)]


def test_the_manifest_holds_the_facts_and_a_checksum_of_each_shard(rows: np.ndarray) -> None:
    write(rows)
    store.finish(KEY, 10, {"backbone_bytes": 12})
    manifest = store.manifest(KEY)
    assert (manifest["rows"], manifest["backbone_bytes"], manifest["format"]) == (10, 12, store.FORMAT)
    assert manifest["shards"] == {
        name: hashlib.sha256((store.location(KEY) / name).read_bytes()).hexdigest()
        for name in ("000000000.safetensors", "000000004.safetensors", "000000008.safetensors")
    }


def test_a_folder_that_cannot_be_finished_stays_unfinished(rows: np.ndarray) -> None:
    store.write_shard(KEY, 0, rows[:4])
    with pytest.raises(FileNotFoundError):
        store.finish(KEY, 10, {})
    assert not store.is_complete(KEY)


def test_nothing_but_shards_and_manifest_is_left(rows: np.ndarray) -> None:
    write(rows)
    store.finish(KEY, 10, {})
    names = sorted(path.name for path in store.location(KEY).iterdir())
    assert names == ["000000000.safetensors", "000000004.safetensors", "000000008.safetensors", "manifest.json"]


def test_it_needs_no_torch() -> None:
    code = "import embedkit.embeddings.store, sys; print(sorted({'torch', 'sklearn', 'pandas'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout == "[]\n"
