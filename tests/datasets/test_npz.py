"""Arrays in .npz files: every layout that is read, what is told of others, and no pickle."""

from __future__ import annotations

import errno
import io
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embedkit.datasets import npz_members
from embedkit.datasets.dataset import Dataset
from embedkit.datasets.npz import npz
from embedkit.errors import EmbedkitError

IMAGES = np.random.default_rng(0).integers(0, 256, (4, 5, 6, 3), dtype=np.uint8)
GREY = IMAGES[..., 0]
LABELS = np.array(["cat", "dog", "cat", "dog"])


def opened(folder: Path, task: str = "auto", **arrays: Any) -> Dataset:
    np.savez(folder / "pets.npz", **arrays)
    return npz(lambda done, total: None, task, path=str(folder / "pets.npz"))


def told(folder: Path, **arrays: Any) -> str:
    with pytest.raises(EmbedkitError) as error:
        opened(folder, **arrays)
    return str(error.value).replace(repr(str(folder / "pets.npz")), "FILE")


@pytest.mark.parametrize("names", [("X", "y"), ("images", "labels"), ("x", "y")])
def test_images_and_labels_are_read(names: tuple[str, str], tmp_path: Path) -> None:
    dataset = opened(tmp_path, **{names[0]: IMAGES, names[1]: LABELS})
    assert (dataset.name, dataset.recipe, dataset.shape, dataset.classes) == ("pets", "npz", (5, 6, 3), ("cat", "dog"))
    assert dataset.ids == ("0000000", "0000001", "0000002", "0000003")
    np.testing.assert_array_equal(dataset.labels, [0, 1, 0, 1])
    np.testing.assert_array_equal(dataset.image(2), IMAGES[2])


@pytest.mark.parametrize("images", [GREY, GREY[..., None]])
def test_grey_images_have_one_channel(images: np.ndarray, tmp_path: Path) -> None:
    dataset = opened(tmp_path, X=images, y=LABELS)
    assert dataset.shape == (5, 6, 1)
    np.testing.assert_array_equal(dataset.image(1), GREY[1][..., None])


@pytest.mark.parametrize(
    "names",
    [("x_train", "y_train", "x_test", "y_test"), ("train_images", "train_labels", "test_images", "test_labels")],
)
def test_train_and_test_arrays_are_the_splits(names: tuple[str, ...], tmp_path: Path) -> None:
    parts = (GREY[:3], LABELS[:3, None], GREY[3:], LABELS[3:, None])
    dataset = opened(tmp_path, **dict(zip(names, parts, strict=True)))
    assert dataset.ids == ("train/0000000", "train/0000001", "train/0000002", "test/0000003")
    assert list(dataset.splits) == ["train", "train", "train", "test"]
    np.testing.assert_array_equal(dataset.labels, [0, 1, 0, 1])


def test_validation_joins_train(tmp_path: Path) -> None:
    parts = {"x_train": GREY[:2], "y_train": LABELS[:2], "x_val": GREY[2:], "y_val": LABELS[2:]}
    assert set(opened(tmp_path, **parts).splits) == {"train"}


def test_splits_and_groups_are_read(tmp_path: Path) -> None:
    splits, groups = np.array(["train", "train", "test", "test"]), np.array([7, 7, 8, 9])
    dataset = opened(tmp_path, X=IMAGES, y=LABELS, splits=splits, groups=groups)
    assert list(dataset.splits) == ["train", "train", "test", "test"]
    np.testing.assert_array_equal(dataset.groups, [0, 0, 1, 2])


def test_two_dimensions_are_vectors(tmp_path: Path) -> None:
    X = np.arange(8.0).reshape(4, 2)
    dataset = opened(tmp_path, X=X, y=LABELS)
    assert dataset.recipe == "vectors"
    np.testing.assert_array_equal(dataset.vectors, X)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (np.array([3, 5, -1, 5]), [0, 1, -1, 1]),
        (np.array(["a", "b", "", "a"]), [0, 1, -1, 0]),
        (np.array([b"a", b"b", b"", b"a"]), [0, 1, -1, 0]),
        (np.array([1.0, 2.0, np.nan, 1.0]), [0, 1, -1, 0]),
        (np.array([True, False, True, True]), [1, 0, 1, 1]),
    ],
)
def test_labels_may_be_of_any_kind_and_missing(labels: np.ndarray, expected: list[int], tmp_path: Path) -> None:
    np.testing.assert_array_equal(opened(tmp_path, X=IMAGES, y=labels).labels, expected)


def test_numbers_are_targets_where_they_are_not_whole_or_that_is_said(tmp_path: Path) -> None:
    np.testing.assert_array_equal(
        opened(tmp_path, X=IMAGES, y=np.array([0.5, 1, np.nan, 2])).targets, [0.5, 1, np.nan, 2]
    )
    np.testing.assert_array_equal(
        opened(tmp_path, "regression", X=IMAGES, y=np.array([-1, 0, 1, 2])).targets, [-1, 0, 1, 2]
    )


def test_content_is_that_of_the_images_wherever_the_file_lies(tmp_path: Path) -> None:
    first = opened(tmp_path, X=IMAGES, y=LABELS)
    (tmp_path / "other").mkdir()
    assert opened(tmp_path / "other", y=LABELS, X=IMAGES).fingerprint == first.fingerprint
    assert opened(tmp_path, X=255 - IMAGES, y=LABELS).content != first.content


def test_copies_stay_on_one_side(tmp_path: Path) -> None:
    twice = np.concatenate([IMAGES[:2], IMAGES[:2]])
    dataset = opened(tmp_path, x_train=twice[:3], y_train=LABELS[:3], x_test=twice[3:], y_test=LABELS[3:])
    assert dataset.ids == ("train/0000000", "train/0000002", "test/0000003")


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (
            {"pixels": IMAGES, "y": LABELS},
            "FILE holds pixels (uint8 (4, 5, 6, 3)), y (<U3 (4,)); embedkit reads X (or images) and y (or labels), "
            "or x_train, y_train, x_test and y_test, and maybe groups and splits",
        ),
        (
            {"X": IMAGES},
            "FILE holds X (uint8 (4, 5, 6, 3)) and no labels for X; embedkit reads X (or images) and y (or labels), "
            "or x_train, y_train, x_test and y_test, and maybe groups and splits",
        ),
        (
            {"X": IMAGES / 255, "y": LABELS},
            "FILE: X is float64 of shape (4, 5, 6, 3); images are uint8 of shape (n, h, w) or (n, h, w, c) "
            "with 1 or 3 channels, vectors are numbers of shape (n, d)",
        ),
        (
            {"X": IMAGES.transpose(0, 3, 1, 2), "y": LABELS},
            "FILE: X is uint8 of shape (4, 3, 5, 6); images are uint8 of shape (n, h, w) or (n, h, w, c) "
            "with 1 or 3 channels, vectors are numbers of shape (n, d)",
        ),
        (
            {"X": IMAGES, "y": LABELS[:3]},
            "FILE: y is <U3 of shape (3,); it must be text or numbers, one for each of 4 images or vectors",
        ),
        (
            {"X": IMAGES, "y": LABELS, "groups": np.zeros((4, 2))},
            "FILE: groups is float64 of shape (4, 2); it must be text or numbers, one for each of 4 images or vectors",
        ),
        (
            {"x_train": GREY, "y_train": LABELS, "x_test": IMAGES, "y_test": LABELS},
            "FILE holds x_train (uint8 (4, 5, 6)), y_train (<U3 (4,)), x_test (uint8 (4, 5, 6, 3)), y_test (<U3 (4,)); "
            "all images must be of one shape",
        ),
    ],
)
def test_what_is_there_and_what_is_needed_are_told(arrays: dict[str, Any], message: str, tmp_path: Path) -> None:
    assert told(tmp_path, **arrays) == message


def test_pickles_are_refused_and_never_run(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[Any, tuple[str]]:
            return os.mkdir, (str(tmp_path / "ran"),)

    message = told(tmp_path, X=IMAGES, y=np.array([Trap()] * 4, dtype=object))
    assert message == (
        "FILE: the array 'y' holds Python objects, which could run code when they are read; "
        "save numbers or text, such as y.astype(str)"
    )
    assert not (tmp_path / "ran").exists()
    with np.load(tmp_path / "pets.npz", allow_pickle=True) as archive:
        archive["y"]
    assert (tmp_path / "ran").exists()


@pytest.mark.parametrize("damage", ["empty", "text", "cut", "flipped", "no_array", "absent"])
def test_a_damaged_file_is_told(damage: str, tmp_path: Path) -> None:
    file = tmp_path / "pets.npz"
    np.savez_compressed(file, X=IMAGES, y=LABELS)
    whole = file.read_bytes()
    flipped = bytearray(whole)
    flipped[100] ^= 255
    other = io.BytesIO()
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("X.npy", b"hello")
    file.write_bytes(
        {"empty": b"", "text": b"hello", "cut": whole[:-30], "flipped": bytes(flipped)}.get(damage, other.getvalue())
    )
    if damage == "absent":
        file.unlink()
    with pytest.raises(EmbedkitError) as error:
        npz(lambda done, total: None, path=str(file))
    assert str(error.value).startswith(("cannot read", f"{str(file)!r} holds"))


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_large_arrays_are_mapped_from_a_file_that_goes_with_them(
    save: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(npz_members, "IN_MEMORY_MAX_BYTES", 250)
    monkeypatch.setenv("EMBEDKIT_CACHE", str(tmp_path / "cache"))
    save(
        tmp_path / "pets.npz",
        x_train=IMAGES,
        y_train=LABELS,
        x_test=np.asfortranarray(IMAGES[:2] + 9),
        y_test=LABELS[:2],
    )
    arrays = npz_members.read_members(str(tmp_path / "pets.npz"))
    assert isinstance(arrays["x_train"], np.memmap)
    assert not isinstance(arrays["y_train"], np.memmap)
    assert list((tmp_path / "cache" / "arrays").iterdir()) == []
    pets = npz(lambda done, total: None, path=str(tmp_path / "pets.npz"))
    found = np.stack([pets.image(i) for i in range(len(pets))])
    np.testing.assert_array_equal(found, np.concatenate([IMAGES, IMAGES[:2] + 9]).reshape(found.shape))


def test_no_room_for_a_large_array_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(npz_members, "IN_MEMORY_MAX_BYTES", 100)
    monkeypatch.setattr(npz_members.shutil, "copyfileobj", full)
    message = told(tmp_path, X=IMAGES, y=LABELS)
    assert message.startswith("cannot write ")
    assert ": No space left on device; free some space" in message
