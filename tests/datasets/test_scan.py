"""Every file is looked at once, and again where it may have changed."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from embedkit.datasets import scan as module
from embedkit.datasets.scan import Seen, remembered, scan


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The bytes of every file that is decoded from here on."""
    seen: list[bytes] = []
    real = module.decode

    def decode(data: bytes) -> np.ndarray:
        seen.append(data)
        return real(data)

    monkeypatch.setattr(module, "decode", decode)
    return seen


def looked_at(root: Path, *paths: str) -> list[Seen]:
    return scan(root, list(paths), lambda done, total: None)


def test_tells_shape_content_and_pixels_of_a_file(tmp_path: Path, write_photo: Callable[..., Path]) -> None:
    file = write_photo(tmp_path / "a.png", seed=1, size=(24, 20))
    (seen,) = looked_at(tmp_path, "a.png")
    pixels = np.asarray(Image.open(file))
    assert (seen.shape, seen.problem, seen.size) == ((20, 24, 3), "", file.stat().st_size)
    assert seen.file_sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert seen.pixels_sha256 == hashlib.sha256(b"(20, 24, 3)" + pixels.tobytes()).hexdigest()


def test_the_same_pixels_in_other_formats_have_one_digest(tmp_path: Path, write_photo: Callable[..., Path]) -> None:
    for name in ("a.png", "a.bmp", "a.tiff"):
        write_photo(tmp_path / name, seed=1)
    seen = looked_at(tmp_path, "a.bmp", "a.png", "a.tiff")
    assert len({look.pixels_sha256 for look in seen}) == 1
    assert len({look.file_sha256 for look in seen}) == 3


def test_the_same_bytes_in_another_shape_have_another_digest(tmp_path: Path) -> None:
    Image.new("RGB", (6, 4)).save(tmp_path / "a.png")
    Image.new("RGB", (4, 6)).save(tmp_path / "b.png")
    first, second = looked_at(tmp_path, "a.png", "b.png")
    assert first.pixels_sha256 != second.pixels_sha256


def test_keeps_the_order_asked_for_and_tells_how_far_it_is(photos: Path) -> None:
    paths = [f"{name}/{i}.png" for name in ("dog", "cat") for i in (3, 1, 2)]
    told: list[tuple[int, int]] = []
    seen = scan(photos, paths, lambda done, total: told.append((done, total)))
    assert [look.file_sha256 for look in seen] == [
        hashlib.sha256((photos / path).read_bytes()).hexdigest() for path in paths
    ]
    assert told == [(i, 6) for i in range(7)]


def test_a_second_scan_reads_no_file_again(photos: Path, decoded: list[bytes]) -> None:
    first = looked_at(photos, "cat/0.png", "cat/1.png")
    assert len(decoded) == 2
    assert looked_at(photos, "cat/0.png", "cat/1.png") == first
    assert len(decoded) == 2


def test_only_what_is_new_is_read(photos: Path, decoded: list[bytes]) -> None:
    looked_at(photos, "cat/0.png")
    looked_at(photos, "cat/0.png", "dog/0.png")
    assert decoded == [(photos / "cat/0.png").read_bytes(), (photos / "dog/0.png").read_bytes()]


def test_a_touched_file_is_read_again(photos: Path, decoded: list[bytes]) -> None:
    first = looked_at(photos, "cat/0.png")
    os.utime(photos / "cat/0.png", (2_000_000_000, 2_000_000_000))
    second = looked_at(photos, "cat/0.png")
    assert len(decoded) == 2
    assert second[0].pixels_sha256 == first[0].pixels_sha256


def test_a_file_replaced_by_one_of_the_same_size_and_date_is_read_again(
    tmp_path: Path, write_photo: Callable[..., Path]
) -> None:
    file = write_photo(tmp_path / "a.bmp", seed=1)
    stat = file.stat()
    (first,) = looked_at(tmp_path, "a.bmp")
    write_photo(file, seed=2)
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    (second,) = looked_at(tmp_path, "a.bmp")
    assert (file.stat().st_size, file.stat().st_mtime_ns) == (stat.st_size, stat.st_mtime_ns)
    assert second.pixels_sha256 != first.pixels_sha256


@pytest.mark.parametrize(("data", "reason"), [(b"", "empty file"), (b"hello", "not an image")])
def test_a_broken_file_is_kept_with_its_reason(data: bytes, reason: str, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(data)
    (seen,) = looked_at(tmp_path, "a.jpg")
    assert (seen.problem, seen.shape, seen.file_sha256, seen.pixels_sha256) == (reason, None, "", "")


def test_a_file_that_is_gone_is_kept_with_its_reason(tmp_path: Path) -> None:
    (seen,) = looked_at(tmp_path, "a.jpg")
    assert seen.problem == "No such file or directory"


def test_a_file_that_could_not_be_read_is_tried_again(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "read_bytes", refuse)
        assert looked_at(photos, "cat/0.png")[0].problem == "Permission denied"
    assert looked_at(photos, "cat/0.png")[0].problem == ""


@pytest.mark.parametrize("inside", [True, False])
def test_a_link_is_followed_only_within_the_folder(
    inside: bool, tmp_path: Path, write_photo: Callable[..., Path]
) -> None:
    root = tmp_path / "photos"
    target = write_photo((root if inside else tmp_path) / "real.png", seed=1)
    root.mkdir(exist_ok=True)
    (root / "link.png").symlink_to(target)
    (seen,) = looked_at(root, "link.png")
    assert seen.problem == ("" if inside else "a link that leads out of the folder")
    assert bool(seen.pixels_sha256) is inside


def test_a_root_that_is_itself_a_link_is_followed(tmp_path: Path, photos: Path) -> None:
    (tmp_path / "link").symlink_to(photos)
    assert looked_at(tmp_path / "link", "cat/0.png")[0].problem == ""


@pytest.mark.parametrize("memory", [b"", b"{", b"[]", b'{"cat/0.png": {}}', b'{"cat/0.png": 1}', b"\xff"])
def test_a_damaged_memory_is_forgotten(memory: bytes, photos: Path, cache: Path) -> None:
    first = looked_at(photos, "cat/0.png")
    (file,) = (cache / "scans").iterdir()
    file.write_bytes(memory)
    assert looked_at(photos, "cat/0.png") == first


def test_a_scan_that_is_stopped_goes_on_from_there(photos: Path) -> None:
    paths = sorted(file.relative_to(photos).as_posix() for file in photos.rglob("*.png"))

    def stop(done: int, total: int) -> None:
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        scan(photos, paths, stop)
    assert list(remembered(os.path.realpath(photos))) == paths[:5]
    assert len(looked_at(photos, *paths)) == 12
