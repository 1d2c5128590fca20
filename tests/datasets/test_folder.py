"""Folders as people have them: every form, and every thing that goes wrong in them."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from embedkit.datasets.dataset import Dataset
from embedkit.datasets.folder import folder
from embedkit.errors import EmbedkitError

WritePhoto = Callable[..., Path]


def opened(path: Path, **options: str) -> Dataset:
    return folder(lambda done, total: None, path=str(path), **options)


def told(path: Path, **options: str) -> str:
    with pytest.raises(EmbedkitError) as error:
        opened(path, **options)
    return str(error.value)


def labels_of(dataset: Dataset) -> dict[str, str]:
    names = (*dataset.classes, "")
    return {file: names[label] for file, label in zip(dataset.ids, dataset.labels, strict=True)}


@pytest.fixture
def labels_file(tmp_path: Path) -> Callable[[str], str]:
    def write(text: str) -> str:
        (tmp_path / "labels.csv").write_text(text, encoding="utf-8")
        return str(tmp_path / "labels.csv")

    return write


def test_class_folders_are_the_labels(photos: Path) -> None:
    dataset = opened(photos)
    assert (dataset.name, dataset.recipe, dataset.classes) == ("photos", "folder", ("cat", "dog"))
    assert dataset.ids == tuple(f"{name}/{i}.png" for name in ("cat", "dog") for i in range(6))
    np.testing.assert_array_equal(dataset.labels, [0] * 6 + [1] * 6)
    np.testing.assert_array_equal(dataset.groups, np.arange(12))
    assert set(dataset.splits) == {""}
    assert (dataset.shape, dataset.unreadable, dataset.notices) == ((20, 24, 3), (), ())


def test_an_image_is_read_when_it_is_asked_for(photos: Path) -> None:
    np.testing.assert_array_equal(opened(photos).image(7), np.asarray(Image.open(photos / "dog/1.png")))


def test_images_of_several_sizes_have_no_common_shape(photos: Path, write_photo: WritePhoto) -> None:
    write_photo(photos / "cat" / "wide.png", seed=99, size=(30, 20))
    assert opened(photos).shape is None


def test_the_name_is_the_folders_or_as_written(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(photos)
    assert opened(Path()).name == "photos"
    assert opened(photos, name="pets").name == "pets"


def test_deeper_folders_belong_to_their_class(photos: Path, write_photo: WritePhoto) -> None:
    write_photo(photos / "cat" / "summer" / "1" / "a.png", seed=99)
    assert labels_of(opened(photos))["cat/summer/1/a.png"] == "cat"


def test_the_folder_unlabeled_and_images_outside_of_class_folders_are_the_pool(
    photos: Path, write_photo: WritePhoto
) -> None:
    write_photo(photos / "unlabeled" / "a.png", seed=98)
    write_photo(photos / "loose.png", seed=99)
    labels = labels_of(opened(photos))
    assert (labels["unlabeled/a.png"], labels["loose.png"]) == ("", "")
    assert Counter(labels.values()) == {"cat": 6, "dog": 6, "": 2}


def test_train_validation_and_test_folders_are_the_splits(tmp_path: Path, write_photo: WritePhoto) -> None:
    places = ["train/cat", "train/dog", "validation/cat", "val/dog", "valid/dog", "test/cat", "test/dog"]
    for seed, place in enumerate([*places, "train/unlabeled", "train", "test"]):
        write_photo(tmp_path / "p" / place / "a.png", seed=seed)
    dataset = opened(tmp_path / "p")
    assert labels_of(dataset) == {
        "test/a.png": "",
        "test/cat/a.png": "cat",
        "test/dog/a.png": "dog",
        "train/a.png": "",
        "train/cat/a.png": "cat",
        "train/dog/a.png": "dog",
        "train/unlabeled/a.png": "",
        "val/dog/a.png": "dog",
        "valid/dog/a.png": "dog",
        "validation/cat/a.png": "cat",
    }
    assert list(dataset.splits) == ["test"] * 3 + ["train"] * 7


def test_without_a_train_folder_test_is_a_class_like_any_other(tmp_path: Path, write_photo: WritePhoto) -> None:
    write_photo(tmp_path / "p" / "test" / "a.png", seed=1)
    write_photo(tmp_path / "p" / "field" / "a.png", seed=2)
    dataset = opened(tmp_path / "p")
    assert dataset.classes == ("field", "test")
    assert set(dataset.splits) == {""}


def test_a_labels_file_rules_and_images_that_it_leaves_out_are_the_pool(
    photos: Path, labels_file: Callable[[str], str]
) -> None:
    file = labels_file("path,label,group,split\ncat\\0.png,dog,g,train\ncat/1.png,dog,g,\ndog/0.png,cat,,test\n")
    dataset = opened(photos, labels=file)
    labels = labels_of(dataset)
    assert {path: label for path, label in labels.items() if label} == {
        "cat/0.png": "dog",
        "cat/1.png": "dog",
        "dog/0.png": "cat",
    }
    assert dataset.groups[0] == dataset.groups[1]
    assert len(set(dataset.groups)) == 11
    assert list(dataset.splits[[0, 1, 6]]) == ["train", "", "test"]


def test_a_labels_file_rules_over_split_folders(
    tmp_path: Path, write_photo: WritePhoto, labels_file: Callable[[str], str]
) -> None:
    for seed, place in enumerate(["train/a.png", "test/a.png"]):
        write_photo(tmp_path / "p" / place, seed=seed)
    dataset = opened(tmp_path / "p", labels=labels_file("path,label\ntrain/a.png,cat\ntest/a.png,dog\n"))
    assert set(dataset.splits) == {""}


def test_a_labels_file_that_names_absent_files_is_told(photos: Path, labels_file: Callable[[str], str]) -> None:
    file = labels_file("path,label\ncat/0.png,cat\nphotos/cat/1.png,cat\n")
    assert told(photos, labels=file) == (
        f"{file} names 1 file that is not there: photos/cat/1.png; paths are relative to the image folder"
    )


def test_a_group_in_train_and_test_is_told(photos: Path, labels_file: Callable[[str], str]) -> None:
    file = labels_file("path,label,group,split\ncat/0.png,cat,g,train\ndog/0.png,dog,g,test\n")
    assert told(photos, labels=file) == (
        "photos: 1 group has images both in test and outside it (g); keep each group on one side"
    )


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    path = tmp_path / "nope"
    assert told(path) == f"no folder {str(path)!r}; give an existing folder of images"


def test_a_folder_without_images_is_told_with_what_is_read(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    assert told(tmp_path) == (
        f"{str(tmp_path)!r} holds no images; embedkit reads .bmp, .gif, .jpeg, .jpg, .pgm, .png, .ppm, .tif, "
        ".tiff, .webp, in the folder or below it"
    )


def test_a_folder_that_may_not_be_read_is_told_and_not_skipped(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.scandir

    def scandir(path: str) -> object:
        if Path(path).name == "dog":
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    assert told(photos) == (f"cannot read the folder {str(photos / 'dog')!r}: Permission denied; permit reading it")


def test_hidden_files_other_files_and_their_folders_are_ignored(photos: Path, write_photo: WritePhoto) -> None:
    plain = opened(photos)
    write_photo(photos / "cat" / ".hidden.png", seed=99)
    write_photo(photos / ".thumbnails" / "a.png", seed=98)
    (photos / "cat" / "._0.png").write_bytes(b"resource fork")
    (photos / "cat" / "Thumbs.db").write_bytes(b"x")
    (photos / "readme.txt").write_text("x")
    assert opened(photos).fingerprint == plain.fingerprint


def test_upper_case_endings_are_images(photos: Path, write_photo: WritePhoto) -> None:
    write_photo(photos / "cat" / "IMG.JPG", seed=99)
    assert "cat/IMG.JPG" in opened(photos).ids


def test_up_to_five_percent_unreadable_images_are_left_out_with_path_and_reason(
    tmp_path: Path, write_photo: WritePhoto
) -> None:
    for i in range(38):
        write_photo(tmp_path / "p" / ("cat" if i % 2 else "dog") / f"{i:02}.png", seed=i, size=(4, 3))
    (tmp_path / "p" / "cat" / "empty.jpg").write_bytes(b"")
    whole = write_photo(tmp_path / "whole.jpg", seed=99, size=(64, 64)).read_bytes()
    (tmp_path / "p" / "dog" / "cut.jpg").write_bytes(whole[:-300])
    dataset = opened(tmp_path / "p")
    (empty, empty_reason), (cut, cut_reason) = dataset.unreadable
    assert (empty, empty_reason, cut) == ("cat/empty.jpg", "empty file", "dog/cut.jpg")
    assert cut_reason.startswith("image file is truncated")
    assert len(dataset) == 38
    assert not {"cat/empty.jpg", "dog/cut.jpg"} & set(dataset.ids)
    np.testing.assert_array_equal(dataset.image(37), np.asarray(Image.open(tmp_path / "p" / dataset.ids[37])))


def test_more_than_five_percent_unreadable_images_stop_with_the_first_reasons(photos: Path) -> None:
    for i in range(7):
        (photos / "dog" / f"bad{i}.gif").write_bytes(b"x" * (i > 0))
    assert told(photos) == (
        "photos: 7 of 19 images are unreadable, more than 5%: dog/bad0.gif (empty file), dog/bad1.gif (not an image), "
        "dog/bad2.gif (not an image), dog/bad3.gif (not an image), dog/bad4.gif (not an image) and 2 more; "
        "mend or remove them (embedkit check lists them all)"
    )


def test_an_unreadable_image_does_not_change_the_content_of_the_others(photos: Path, write_photo: WritePhoto) -> None:
    for i in range(20):
        write_photo(photos / "cat" / f"more{i}.png", seed=100 + i)
    plain = opened(photos)
    (photos / "cat" / "a.jpg").write_bytes(b"")
    assert opened(photos).fingerprint == plain.fingerprint


@pytest.mark.parametrize("name", ["cat/link.png", "cats"])
def test_a_link_out_of_the_folder_is_refused_and_told(name: str, photos: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (photos / "cat/0.png").rename(outside / "0.png")
    (photos / name).symlink_to(outside / "0.png" if name.endswith("png") else outside)
    assert told(photos) == (
        f"photos: 1 of 12 images are unreadable, more than 5%: {name} (a link that leads out of the folder); "
        "mend or remove them (embedkit check lists them all)"
    )


def test_the_same_pixels_in_two_files_are_one_group(photos: Path, write_photo: WritePhoto) -> None:
    write_photo(photos / "cat" / "copy.bmp", seed=3)
    dataset = opened(photos)
    groups = dict(zip(dataset.ids, dataset.groups, strict=True))
    assert groups["cat/copy.bmp"] == groups["cat/3.png"]
    assert len(set(groups.values())) == 12
    assert dataset.notices == ("1 exact duplicate (kept on one side of every split)",)


def test_copies_of_test_images_are_dropped_from_train(tmp_path: Path, write_photo: WritePhoto) -> None:
    for seed, place in enumerate(["train/cat/a.png", "train/dog/a.png", "test/cat/b.png", "test/dog/b.png"]):
        write_photo(tmp_path / "p" / place, seed=seed)
    write_photo(tmp_path / "p" / "train/cat/leak.bmp", seed=2)
    dataset = opened(tmp_path / "p")
    assert "train/cat/leak.bmp" not in dataset.ids
    assert dataset.notices == (
        "1 exact duplicate (kept on one side of every split), "
        "1 image dropped from train because it or its group is in test",
    )
    last = dataset.ids.index("train/dog/a.png")
    np.testing.assert_array_equal(dataset.image(last), np.asarray(Image.open(tmp_path / "p" / "train/dog/a.png")))


def test_a_moved_folder_is_the_same_data(photos: Path, tmp_path: Path) -> None:
    before = opened(photos)
    moved = photos.rename(tmp_path / "elsewhere")
    after = opened(moved)
    assert (after.content, after.fingerprint, after.ids) == (before.content, before.fingerprint, before.ids)
    assert (before.name, after.name) == ("photos", "elsewhere")


def test_a_touched_folder_is_the_same_data(photos: Path) -> None:
    before = opened(photos)
    for file in photos.rglob("*.png"):
        os.utime(file, (0, 0))
    assert opened(photos).fingerprint == before.fingerprint


@pytest.mark.parametrize("change", ["pixels", "name", "added", "removed"])
def test_other_images_are_other_data(change: str, photos: Path, write_photo: WritePhoto) -> None:
    before = opened(photos)
    if change == "pixels":
        write_photo(photos / "cat" / "0.png", seed=99)
    elif change == "added":
        write_photo(photos / "cat" / "more.png", seed=99)
    elif change == "name":
        (photos / "cat" / "0.png").rename(photos / "cat" / "00.png")
    else:
        (photos / "cat" / "0.png").unlink()
    after = opened(photos)
    assert after.content != before.content
    assert after.fingerprint != before.fingerprint


def test_another_labelling_is_another_fingerprint_of_the_same_content(
    photos: Path, labels_file: Callable[[str], str]
) -> None:
    before = opened(photos)
    after = opened(photos, labels=labels_file("path,label\ncat/0.png,cat\ndog/0.png,dog\n"))
    assert after.content == before.content
    assert after.fingerprint != before.fingerprint


def test_the_scan_tells_how_far_it_is(photos: Path) -> None:
    done: list[tuple[int, int]] = []
    folder(lambda *progress: done.append(progress), path=str(photos))
    assert done[-1] == (12, 12)


def test_numeric_labels_in_a_file_are_targets(photos: Path, labels_file: Callable[[str], str]) -> None:
    dataset = opened(photos, labels=labels_file("path,label\ncat/0.png,20.5\ndog/3.png,31\n"))
    assert dataset.targets is not None
    found = {dataset.ids[i]: dataset.targets[i] for i in np.flatnonzero(~np.isnan(dataset.targets))}
    assert found == {"cat/0.png": 20.5, "dog/3.png": 31}


def test_folders_named_by_numbers_hold_images_with_that_target(tmp_path: Path, write_photo: WritePhoto) -> None:
    for seed, name in enumerate(("0.5", "0.5", "12", "unlabeled")):
        write_photo(tmp_path / "photos" / name / f"{seed}.png", seed)
    np.testing.assert_array_equal(opened(tmp_path / "photos").targets, [0.5, 0.5, 12, np.nan])


def test_a_folder_of_whole_numbers_is_a_regression_where_that_is_said(tmp_path: Path, write_photo: WritePhoto) -> None:
    for seed, name in enumerate(("3", "12")):
        write_photo(tmp_path / "photos" / name / f"{seed}.png", seed)
    dataset = folder(lambda done, total: None, "regression", path=str(tmp_path / "photos"))
    assert dict(zip(dataset.ids, dataset.truth, strict=True)) == {"12/1.png": 12, "3/0.png": 3}
