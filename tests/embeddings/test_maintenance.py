"""Finding what is stored, what is damaged, and removing it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from embedkit.embeddings import claims, maintenance, store
from embedkit.embeddings.inventory import entries, find
from embedkit.embeddings.shards import Damaged
from embedkit.errors import EmbedkitError

KEY = "a1" + "k" * 62
RECIPE = {"name": "resnet18", "version": 1, "transform": "...", "weights": "ResNet18_Weights.IMAGENET1K_V1", "seed": 3}


@pytest.fixture(autouse=True)
def shards_of_four(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "SHARD_ROWS", 4)


def stored(key: str = KEY, rows: int = 10, finish: bool = True) -> None:
    """Ten rows of three numbers of a key, or the first of them."""
    X = np.random.default_rng(0).normal(size=(10, 3)).astype(np.float32)
    store.begin(key, 10, {"dataset": "digits", "recipe": RECIPE})
    for start in range(0, rows, 4):
        store.write_shard(key, start, X[start : start + 4])
    if finish:
        store.finish(key, 10, {"dataset": "digits", "recipe": RECIPE})


def test_nothing_is_there_before_anything_is_stored(cache: Path) -> None:
    assert entries() == []
    assert list(cache.iterdir()) == []


def test_an_entry_says_in_words_what_is_stored() -> None:
    stored()
    (entry,) = entries()
    assert (entry.key, entry.state, entry.dataset) == (KEY, "complete", "digits")
    assert entry.backbone == "resnet18(weights=IMAGENET1K_V1, seed=3)"
    assert (entry.rows, entry.of_rows, entry.width) == (10, 10, 3)
    assert entry.nbytes == sum(file.stat().st_size for file in store.location(KEY).iterdir())


def test_an_unfinished_entry_says_how_much_is_there() -> None:
    stored(rows=8, finish=False)
    (entry,) = entries()
    assert (entry.state, entry.dataset, entry.rows, entry.of_rows) == ("unfinished", "digits", 8, 10)


def test_an_entry_in_the_making_is_in_progress() -> None:
    stored(rows=4, finish=False)
    with claims.rounds(KEY, 10) as rounds:
        next(next(rounds))
        assert find(KEY).state == "in progress"
        with pytest.raises(EmbedkitError, match="are being made by a process; wait for it, or end it first"):
            maintenance.remove(find(KEY))
    assert find(KEY).state == "unfinished"


def test_an_entry_of_another_format_is_old() -> None:
    stored()
    (store.location(KEY) / "manifest.json").write_text('{"format": 1, "rows": 10}')
    assert entries()[0].state == "old"


@pytest.mark.parametrize("harmed", ["000000004.safetensors", "manifest.json"])
def test_an_entry_whose_files_are_cut_off_is_damaged(harmed: str) -> None:
    stored()
    (store.location(KEY) / harmed).write_bytes(b"")
    assert entries()[0].state == "damaged"


def test_a_key_is_found_by_how_it_begins() -> None:
    for key in (KEY, "a2" + "k" * 62, "b" * 64):
        stored(key)
    assert find("a1").key == KEY
    assert find("b").key == "b" * 64
    with pytest.raises(
        EmbedkitError, match=r"2 keys begin with 'a' \(a.kkkkkkkkkk, a.kkkkkkkkkk\); write more of the one"
    ):
        find("a")
    with pytest.raises(EmbedkitError, match=r"no stored embeddings have a key that begins with 'c'; keys: "):
        find("c")


@pytest.mark.parametrize("finish", [True, False])
def test_verifying_finds_a_changed_row_and_only_that_shard_is_made_again(finish: bool) -> None:
    stored(finish=finish)
    assert maintenance.verify(KEY).damage == []
    file = store.location(KEY) / "000000004.safetensors"
    whole = file.read_bytes()
    file.write_bytes(whole[:-1] + b"\1")
    (damage,) = maintenance.verify(KEY).damage
    assert (damage.file, damage.what) == (file, "its rows are not those that were written (sha256 differs)")
    maintenance.remove_damaged(KEY, [damage])
    assert store.missing_shards(KEY, 10) == [(4, 8)]
    stored()
    assert file.read_bytes() == whole
    assert maintenance.verify(KEY).damage == []


def test_what_is_left_of_a_damaged_key_keeps_its_name_and_nothing_is_no_key() -> None:
    stored()
    before = find(KEY)
    files = sorted(store.location(KEY).glob("*.safetensors"))
    maintenance.remove_damaged(KEY, [Damaged(files[0], "")])
    after = find(KEY)
    assert (after.state, after.dataset, after.backbone) == ("unfinished", before.dataset, before.backbone)
    assert after.of_rows == 10
    maintenance.remove_damaged(KEY, [Damaged(file, "") for file in files[1:]])
    assert entries() == []


def test_verifying_finds_a_shard_under_another_ones_name() -> None:
    stored()
    folder = store.location(KEY)
    (folder / "000000004.safetensors").write_bytes((folder / "000000000.safetensors").read_bytes())
    (damage,) = maintenance.verify(KEY).damage
    assert (damage.file.name, damage.what) == ("000000004.safetensors", "the manifest knows other rows")


def test_verifying_finds_a_shard_that_is_gone() -> None:
    stored()
    (store.location(KEY) / "000000008.safetensors").unlink()
    assert [damage.what for damage in maintenance.verify(KEY).damage] == ["it is not there"]


def test_what_is_removed_is_gone() -> None:
    stored()
    maintenance.remove(find(KEY))
    assert entries() == []
    assert not store.location(KEY).exists()


def test_damaged_ids_are_found_and_made_again_with_the_manifest() -> None:
    stored()
    store.write_ids(KEY, list("abcdefghij"))
    assert maintenance.verify(KEY).damage == []
    file = store.location(KEY) / "ids.json"
    file.write_bytes(file.read_bytes().replace(b'"a"', b'"z"'))
    (damage,) = maintenance.verify(KEY).damage
    assert (damage.file, damage.what) == (file, "it is not what was written (sha256 differs)")
    maintenance.remove_damaged(KEY, [damage])
    assert not file.exists()
    assert find(KEY).state == "unfinished"
    assert store.missing_shards(KEY, 10) == []
