from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file

from embedkit.embeddings import store
from embedkit.errors import EmbedkitError

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
        f"{start:09d}.safetensors": hashlib.sha256(rows[start : start + 4].tobytes()).hexdigest() for start in (0, 4, 8)
    }


def test_a_folder_that_cannot_be_finished_stays_unfinished(rows: np.ndarray) -> None:
    store.write_shard(KEY, 0, rows[:4])
    with pytest.raises(EmbedkitError, match=r"000000004.safetensors is damaged: it is not there"):
        store.finish(KEY, 10, {})
    assert not store.is_complete(KEY)


def test_shards_of_two_widths_are_not_finished(rows: np.ndarray) -> None:
    store.write_shard(KEY, 0, rows[:4])
    store.write_shard(KEY, 4, rows[4:8, :2])
    with pytest.raises(EmbedkitError, match=r"2 shards hold 8 rows, not 8, of widths \[2, 3\]"):
        store.finish(KEY, 8, {})


def test_a_shard_knows_its_checksum_before_the_manifest_is_there(rows: np.ndarray) -> None:
    store.write_shard(KEY, 0, rows[:4])
    with safe_open(store.location(KEY) / "000000000.safetensors", "numpy") as shard:
        assert shard.metadata() == {"sha256": hashlib.sha256(rows[:4].tobytes()).hexdigest()}


@pytest.mark.parametrize(("written", "rows_there"), [([], 0), ([4], 0), ([0], 4), ([0, 8], 4), ([0, 4, 8], 10)])
def test_a_reader_sees_the_rows_up_to_the_first_that_is_missing(
    written: list[int], rows_there: int, rows: np.ndarray
) -> None:
    for start in written:
        store.write_shard(KEY, start, rows[start : start + 4])
    found = store.read_prefix(KEY)
    assert len(found) == rows_there
    np.testing.assert_array_equal(found[np.arange(rows_there)], rows[:rows_there, : found.shape[1]])


def test_the_prefix_ends_before_a_shard_that_is_cut_off(rows: np.ndarray) -> None:
    write(rows)
    cut(store.location(KEY) / "000000004.safetensors")
    assert len(store.read_prefix(KEY)) == 4


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1])


def remove(file: Path) -> None:
    file.unlink()


def empty(file: Path) -> None:
    file.write_bytes(b"")


def garble(file: Path) -> None:
    file.write_bytes(b"\xff" * len(file.read_bytes()))


@pytest.mark.parametrize(
    ("harm", "what"),
    [
        (cut, "it has 223 bytes, not 224"),
        (remove, "it is not there"),
        (empty, "its header cannot be read"),
        (garble, "its header cannot be read"),
    ],
)
def test_a_damaged_shard_is_told_and_made_again(harm: Callable[[Path], None], what: str, rows: np.ndarray) -> None:
    write(rows)
    store.finish(KEY, 10, {})
    file = store.location(KEY) / "000000004.safetensors"
    harm(file)
    with pytest.raises(EmbedkitError) as told:
        store.read(KEY)
    assert str(told.value) == (
        f"{file} is damaged: {what}; the same command makes what is missing again "
        "(embedkit store verify kkkkkkkkkkkk looks at all of it)"
    )
    assert not store.is_complete(KEY)
    assert store.missing_shards(KEY, 10) == [(4, 8)]
    write(rows)
    assert store.is_complete(KEY)


def test_a_shard_of_other_rows_than_the_manifest_knows_is_told(rows: np.ndarray) -> None:
    write(rows)
    store.finish(KEY, 10, {})
    store.write_shard(KEY, 4, rows[:4])
    with pytest.raises(EmbedkitError, match="the manifest knows other rows"):
        store.read(KEY)
    store.finish(KEY, 10, {})
    np.testing.assert_array_equal(store.read(KEY)[np.arange(4, 8)], rows[:4])


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ('"rows": 10', '"rows": 14', r"it is not what was written \(sha256 differs\)"),
        ('"macs": 7', '"macs": 9', r"it is not what was written \(sha256 differs\)"),
        ("{", "[", "it cannot be read"),
        ('"sha256"', '"sha257"', "it cannot be read"),
    ],
)
def test_a_damaged_manifest_is_told_and_made_again(old: str, new: str, what: str, rows: np.ndarray) -> None:
    write(rows)
    store.finish(KEY, 10, {"macs": 7})
    file = store.location(KEY) / "manifest.json"
    file.write_text(file.read_text().replace(old, new, 1))
    with pytest.raises(EmbedkitError, match=f"manifest.json is damaged: {what}"):
        store.manifest(KEY)
    assert not store.is_complete(KEY)
    store.finish(KEY, 10, {"macs": 7})
    assert store.manifest(KEY)["macs"] == 7


def test_what_is_complete_is_read_without_writing(rows: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    write(rows)
    store.finish(KEY, 10, {})

    def read_only(*_: object, **__: object) -> None:
        raise OSError("Read-only file system")

    for name in ("mkdir", "replace", "fsync", "unlink"):
        monkeypatch.setattr(os, name, read_only)
    assert store.is_complete(KEY)
    np.testing.assert_array_equal(store.read(KEY)[np.arange(10)], rows)
    assert len(store.read_prefix(KEY)) == 10


def test_reading_what_is_not_complete_is_told(rows: np.ndarray) -> None:
    write(rows)
    with pytest.raises(EmbedkitError) as told:
        store.read(KEY)
    file = store.location(KEY) / "manifest.json"
    assert str(told.value) == f"embeddings kkkkkkkkkkkk are not complete: {file} is not there"


def test_what_is_begun_says_what_it_will_be_until_it_is_finished(rows: np.ndarray) -> None:
    store.begin(KEY, 10, {"dataset": "digits"})
    file = store.location(KEY) / "begun.json"
    known = store.read_sealed(file)
    assert (known["dataset"], known["rows"]) == ("digits", 10)
    write(rows)
    store.finish(KEY, 10, {})
    assert not file.exists()


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs /proc")
def test_no_file_stays_open_however_many_shards_there_are(rows: np.ndarray) -> None:
    write(rows)
    store.finish(KEY, 10, {})
    before = len(list(Path("/proc/self/fd").iterdir()))
    found = store.read(KEY)
    found[np.arange(10)]
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_nothing_but_shards_and_manifest_is_left(rows: np.ndarray) -> None:
    write(rows)
    store.finish(KEY, 10, {})
    names = sorted(path.name for path in store.location(KEY).iterdir())
    assert names == ["000000000.safetensors", "000000004.safetensors", "000000008.safetensors", "manifest.json"]


@pytest.mark.parametrize("module", ["store", "claims", "inventory", "maintenance", "exports"])
def test_nothing_but_numpy_is_imported(module: str) -> None:
    code = (
        f"import sys; import numpy; before = set(sys.modules); import embedkit.embeddings.{module}\n"
        "roots = {name.split('.')[0] for name in set(sys.modules) - before}\n"
        "print(sorted(roots - set(sys.stdlib_module_names)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout == (
        "['embedkit']\n"
    )
