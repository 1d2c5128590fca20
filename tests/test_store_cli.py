"""``embedkit store``: what a user types and reads."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from embedkit.embeddings import store

DONE, BEGUN = "d" * 64, "b" * 64
Store = Callable[..., tuple[int, list[str], str]]


@pytest.fixture
def in_store(run: Callable[..., tuple[int, str, str]]) -> Store:
    """``in_store("list")`` is ``embedkit store list``: exit status, lines, errors."""

    def call(*arguments: str) -> tuple[int, list[str], str]:
        status, out, err = run("store", *arguments)
        return status, out.splitlines(), err

    return call


@pytest.fixture
def two() -> None:
    """A complete key of 1,200 rows, and one of which two of five rows are there."""
    about = {"dataset": "digits", "recipe": {"name": "pixels", "version": 1}, "precision": "float32"}
    store.write_shard(DONE, 0, np.ones((1024, 8)))
    store.write_shard(DONE, 1024, np.ones((176, 8)))
    store.finish(DONE, 1200, about)
    for file in store.location(DONE).iterdir():
        os.utime(file, (1.7e9, 1.7e9))
    recipe = {"name": "resnet18", "weights": "none", "layer": ["layer3", "fc"], "transform": {"crop": 96}}
    store.begin(BEGUN, 5, {"dataset": "photos", "recipe": recipe, "precision": "bfloat16"})
    store.write_shard(BEGUN, 0, np.ones((2, 4)))


def damage() -> Path:
    file = store.location(DONE) / "000001024.safetensors"
    file.write_bytes(file.read_bytes()[:-1] + b"\1")
    return file


def test_an_empty_store_says_so(in_store: Store, cache: Path) -> None:
    assert in_store("list") == (0, [f"nothing is stored in {cache / 'embeddings'}"], "")
    assert in_store("prune") == (0, ["nothing to remove"], "")
    assert in_store("verify") == (0, ["nothing to verify"], "")


@pytest.mark.usefixtures("two")
def test_list_says_what_is_there_the_newest_first(in_store: Store) -> None:
    status, lines, _ = in_store("list")
    assert status == 0
    cells = [[cell for cell in line.split("  ") if cell] for line in lines]
    assert [cell.strip() for cell in cells[0]] == [
        "key", "made", "rows", "width", "precision", "size", "state", "dataset, backbone",
    ]  # fmt: skip
    unfinished, complete = ([cell.strip() for cell in line] for line in cells[1:])
    assert unfinished[0] == BEGUN[:12]
    assert unfinished[2:5] == ["2 of 5", "4", "bfloat16"]
    assert unfinished[6:] == ["unfinished", "photos, resnet18(weights=none, layer=layer3+fc, image_size=96)"]
    assert complete[0] == DONE[:12]
    assert complete[2:] == ["1,200", "8", "float32", "39.2 kB", "complete", "digits, pixels"]


@pytest.mark.usefixtures("two")
def test_size_sums_by_state(in_store: Store, cache: Path) -> None:
    status, lines, _ = in_store("size")
    assert status == 0
    assert lines[0].startswith(f"{cache / 'embeddings'}: 2 embeddings, 39.")
    assert lines[2] == "  complete: 1 embedding, 39.2 kB"
    assert lines[3].startswith("free: ")


@pytest.mark.usefixtures("two")
def test_verify_says_what_is_damaged_and_what_to_do(in_store: Store) -> None:
    status, lines, _ = in_store("verify")
    assert status == 0
    backbone = "resnet18(weights=none, layer=layer3+fc, image_size=96)"
    assert lines[0].startswith(f"{BEGUN[:12]} (photos, {backbone}): unfinished, sound; ")
    assert lines[1].startswith(f"{DONE[:12]} (digits, pixels): complete, sound; ")
    file = damage()
    assert in_store("verify", "dd") == (
        1,
        [
            "dddddddddddd (digits, pixels): 1 of its files is damaged",
            f"  {file.name}: its rows are not those that were written (sha256 differs)",
            "  embedkit store verify dddddddddddd --remove removes what is damaged, to be made again",
        ],
        "",
    )
    assert file.exists()


@pytest.mark.usefixtures("two")
def test_verify_removes_what_is_damaged_to_be_made_again(in_store: Store) -> None:
    file = damage()
    status, lines, _ = in_store("verify", "d", "--remove")
    assert (status, lines[-1]) == (0, "  removed; the run that uses these embeddings makes the missing shards again")
    assert not file.exists()
    assert store.missing_shards(DONE, 1200) == [(1024, 1200)]


def test_verify_does_not_read_what_another_format_left(in_store: Store) -> None:
    store.write_shard(DONE, 0, np.ones((2, 2)))
    (store.location(DONE) / "manifest.json").write_text('{"format": 1}')
    assert in_store("verify") == (
        0,
        ["dddddddddddd (?, ?): of another store format, which is not read any more; embedkit store prune removes it"],
        "",
    )
    in_store("prune", "--yes")
    assert not store.location(DONE).exists()


@pytest.mark.usefixtures("two")
def test_prune_removes_what_is_unfinished(in_store: Store) -> None:
    line = f"{BEGUN[:12]}  unfinished, 497 bytes, photos, resnet18(weights=none, layer=layer3+fc, image_size=96)"
    assert in_store("prune", "--dry-run") == (0, [line, "would remove 1 embedding, 497 bytes"], "")
    assert store.location(BEGUN).exists()
    assert in_store("prune", "--yes") == (0, [line, "removed 1 embedding, 497 bytes"], "")
    assert not store.location(BEGUN).exists()
    assert store.is_complete(DONE)


def test_encoders_and_what_else_follows_from_pools_are_counted_and_pruned_by_age(in_store: Store, cache: Path) -> None:
    encoder = cache / "encoders" / ("e" * 64) / "encoder.safetensors"
    graphs = [cache / "pools" / f"{letter * 64}.safetensors" for letter in "fg"]
    for file, nbytes in zip((encoder, *graphs), (1500, 70, 30), strict=True):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(bytes(nbytes))
    graphs[0].with_suffix(".lock").touch()
    os.utime(encoder, (1.7e9, 1.7e9))
    os.utime(graphs[0], (1.7e9, 1.7e9))
    assert in_store("size")[1][1:3] == ["1 trained encoder: 1.5 kB", "2 graphs and codecs: 100 bytes"]
    assert (
        in_store("prune", "--older-than", "100", "--yes")[1][-1]
        == "removed 1 trained encoder, 1 graph or codec, 1.6 kB"
    )
    assert [path.name for path in cache.glob("*/*")] == [graphs[1].name]


@pytest.mark.usefixtures("two")
def test_prune_removes_what_is_older(in_store: Store) -> None:
    in_store("prune", "--older-than", "100", "--yes")
    assert not store.location(DONE).exists()


@pytest.mark.usefixtures("two")
def test_prune_removes_the_keys_given(in_store: Store) -> None:
    in_store("prune", "dd", "--yes")
    assert not store.location(DONE).exists()
    assert store.location(BEGUN).exists()


@pytest.mark.usefixtures("two")
@pytest.mark.parametrize(("answer", "is_left"), [("y", False), ("n", True), ("", True)])
def test_prune_asks_before(answer: str, is_left: bool, in_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    questions = []

    def answered(question: str) -> str:
        questions.append(question)
        return answer

    monkeypatch.setattr("builtins.input", answered)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    in_store("prune", "d")
    assert questions == ["remove 1 embedding, 39.2 kB? [y/N] "]
    assert store.location(DONE).exists() == is_left


@pytest.mark.usefixtures("two")
def test_prune_that_cannot_ask_says_so(in_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)
    status, _, error = in_store("prune", "d")
    assert status == 2
    assert error == "error: nobody can be asked here; --yes removes without asking, --dry-run says what it would be\n"


@pytest.mark.usefixtures("two")
def test_keys_and_an_age_do_not_go_together(in_store: Store) -> None:
    assert in_store("prune", "d", "--older-than", "3")[2] == "error: give keys or --older-than, not both\n"


@pytest.mark.usefixtures("two")
def test_export_writes_the_rows(in_store: Store, tmp_path: Path) -> None:
    assert in_store("export", "d", "rows.npy") == (0, ["rows.npy: 1200 rows of 8 numbers, 38.5 kB"], "")
    assert np.load(tmp_path / "rows.npy").shape == (1200, 8)
    assert in_store("export", "d", "rows.npy") == (
        2,
        [],
        "error: rows.npy is there already; give another name, or --force to replace it\n",
    )
    assert in_store("export", "d", "rows.npy", "--force")[0] == 0


@pytest.mark.usefixtures("two")
def test_an_export_without_ids_says_so(in_store: Store) -> None:
    pytest.importorskip("pyarrow", reason='needs pip install "embedkit[parquet]"')
    without = "without the ids of the images, which were not kept when these embeddings were made"
    assert in_store("export", "d", "rows.parquet")[1][1:] == [without]
    store.write_ids(DONE, [str(i) for i in range(1200)])
    assert in_store("export", "d", "rows.parquet", "--force")[1][1:] == []


@pytest.mark.usefixtures("two")
def test_export_of_what_is_not_complete_is_told(in_store: Store) -> None:
    status, _, error = in_store("export", "b", "rows.npy")
    assert status == 2
    file = store.location(BEGUN) / "manifest.json"
    assert error == f"error: embeddings {BEGUN[:12]} are not complete: {file} is not there\n"
