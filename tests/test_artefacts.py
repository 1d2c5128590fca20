"""Keys, the cache's place, and files that are never half there."""

from __future__ import annotations

import errno
import hashlib
import os
from pathlib import Path

import pytest

from embedkit import artefacts
from embedkit.errors import EmbedkitError

REMEDY = "free some space or permit writing, or set EMBEDKIT_CACHE (embeddings) or --out (results) to another folder"


def test_a_key_is_the_sha256_of_the_sorted_json() -> None:
    expected = hashlib.sha256(b'{"a": [1, "x"], "b": null}').hexdigest()
    assert artefacts.key({"b": None, "a": [1, "x"]}) == expected
    assert artefacts.key({"a": (1, "x"), "b": None}) == expected


@pytest.mark.parametrize("other", [["svm", 1.0], ["svm", "1"], ["svm"], ["1", "svm"], "svm1"])
def test_other_recipes_have_other_keys(other: object) -> None:
    assert artefacts.key(other) != artefacts.key(["svm", 1])


def test_the_cache_is_where_the_environment_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMBEDKIT_CACHE", str(tmp_path / "elsewhere"))
    assert artefacts.cache() == tmp_path / "elsewhere"


@pytest.mark.parametrize("value", [None, ""])
def test_the_cache_is_the_users_where_the_environment_says_nothing(
    value: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EMBEDKIT_CACHE")
    if value is not None:
        monkeypatch.setenv("EMBEDKIT_CACHE", value)
    assert artefacts.cache().is_absolute()
    assert "embedkit" in artefacts.cache().parts


def test_a_folder_of_the_cache_is_made_and_found_again(cache: Path) -> None:
    assert artefacts.folder("a", "b") == cache / "a" / "b"
    assert artefacts.folder("a", "b").is_dir()


def test_a_cache_that_is_a_file_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("EMBEDKIT_CACHE", str(tmp_path / "file"))
    with pytest.raises(EmbedkitError) as told:
        artefacts.folder("scans")
    assert str(told.value) == f"cannot write {tmp_path / 'file' / 'scans'}: Not a directory; {REMEDY}"


@pytest.mark.parametrize("old", [None, b"old"])
def test_writes_the_bytes_and_leaves_nothing_beside_them(old: bytes | None, tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    if old is not None:
        file.write_bytes(old)
    artefacts.write_atomically(file, b"new\0\n")
    assert file.read_bytes() == b"new\0\n"
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs /proc")
def test_the_bytes_are_durable_before_the_name_and_the_name_before_it_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fsync, replace, calls = os.fsync, os.replace, []

    def synced(descriptor: int) -> None:
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        calls.append(("fsync", path.name, path.stat().st_size if path.is_file() else "folder"))
        fsync(descriptor)

    def replaced(old: Path, new: Path) -> None:
        calls.append(("replace", Path(old).name, Path(new).name))
        replace(old, new)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", replaced)
    artefacts.write_atomically(tmp_path / "rows", b"abc", b"de")
    temporary = calls[0][1]
    assert calls == [
        ("fsync", temporary, 5), ("replace", temporary, "rows"), ("fsync", tmp_path.name, "folder"),
    ]  # fmt: skip


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs /proc")
def test_new_folders_are_durable(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fsync, synced = os.fsync, []

    def noted(descriptor: int) -> None:
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink())
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    artefacts.folder("a", "b")
    assert sorted(synced) == [cache.resolve(), cache.resolve() / "a"]
    artefacts.folder("a", "b")
    assert len(synced) == 2


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX file modes")
def test_others_may_read_what_they_may_read_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(b"")
    artefacts.write_atomically(tmp_path / "atomic", b"")
    assert (tmp_path / "atomic").stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize("step", ["fsync", "replace"])
@pytest.mark.parametrize(
    ("number", "reason"), [(errno.ENOSPC, "No space left on device"), (errno.EROFS, "Read-only file system")]
)
def test_a_failed_write_leaves_the_old_file_and_says_why(
    step: str, number: int, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    file = tmp_path / "rows.csv"
    file.write_bytes(b"old")
    monkeypatch.setattr(os, step, fail)
    with pytest.raises(EmbedkitError) as told:
        artefacts.write_atomically(file, b"new")
    assert str(told.value) == f"cannot write {file}: {reason}; {REMEDY}"
    assert file.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_an_interrupted_write_leaves_the_old_file(step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    file = tmp_path / "rows.csv"
    file.write_bytes(b"old")
    monkeypatch.setattr(os, step, interrupt)
    with pytest.raises(KeyboardInterrupt):
        artefacts.write_atomically(file, b"new")
    assert file.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize(("parent", "reason"), [("absent", "No such file or directory"), ("file", "Not a directory")])
def test_a_parent_that_is_no_folder_is_told(parent: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(EmbedkitError) as told:
        artefacts.write_atomically(tmp_path / parent / "x", b"")
    assert str(told.value) == f"cannot write {tmp_path / parent / 'x'}: {reason}; {REMEDY}"


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="needs a user whom file modes bind")
def test_a_read_only_folder_is_told(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(EmbedkitError) as told:
        artefacts.write_atomically(tmp_path / "x", b"")
    assert str(told.value) == f"cannot write {tmp_path / 'x'}: Permission denied; {REMEDY}"
