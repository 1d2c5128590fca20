"""What a user's words for a data set mean: a card, a folder, a spec, or a mistake that is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from embedkit.datasets import DATASETS, cards, dataset_spec, open_dataset
from embedkit.errors import EmbedkitError
from embedkit.spec import Spec, checked_params, parse

KNOWN = ", ".join(sorted({*cards(), *DATASETS}))
CARD_KEYS = {"loader", "title", "images", "image_size", "task", "origin", "citation"}
MORE_KEYS = {"classes", "targets", "train", "test", "unlabelled", "download_mb", "licence"}


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder without folders that could be taken for a data set."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


def told(text: str, labels: str | None = None) -> str:
    with pytest.raises(EmbedkitError) as error:
        dataset_spec(text, labels)
    return str(error.value)


@pytest.mark.parametrize("name", cards())
def test_every_card_is_complete_and_its_loader_is_known(name: str) -> None:
    card = cards()[name]
    assert set(card) >= CARD_KEYS | {"targets" if card["task"] == "regression" else "classes"}
    assert set(card) <= CARD_KEYS | MORE_KEYS
    if "train" in card:
        assert card["train"] + card["test"] + card.get("unlabelled", 0) == card["images"]
    loader = parse(card["loader"])
    checked_params(loader, DATASETS[loader.name])
    assert name not in DATASETS


@pytest.mark.parametrize("name", ["digits", "rotated_digits"])
def test_a_card_opens_what_it_describes(name: str) -> None:
    card = cards()[name]
    dataset = open_dataset(dataset_spec(name))
    assert (len(dataset), dataset.task) == (card["images"], card["task"])
    assert len(dataset.classes) == card.get("classes", 1)


def test_a_task_that_a_data_set_is_not_for_is_told() -> None:
    with pytest.raises(EmbedkitError) as error:
        open_dataset(dataset_spec("digits"), task="regression")
    assert str(error.value) == "digits is for classification, not for regression; leave --task out"
    with pytest.raises(EmbedkitError, match="rotated_digits is for regression, not for classification"):
        open_dataset(dataset_spec("rotated_digits"), task="classification")


def test_a_card_says_its_task(photos: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (elsewhere / "y.csv").write_text("path,label\ncat/0.png,20\ndog/0.png,31\n")
    card = {"loader": f'folder(path="{photos}", labels="y.csv")', "task": "regression"}
    monkeypatch.setattr("embedkit.datasets.cards", lambda: {"ages": card})
    targets = open_dataset(dataset_spec("ages")).targets
    assert targets is not None
    assert np.nansum(targets) == 51


def test_a_card_is_taken_before_a_folder_of_its_name(elsewhere: Path) -> None:
    (elsewhere / "digits").mkdir()
    assert dataset_spec("digits") == Spec("digits")
    assert dataset_spec("./digits") == Spec("folder", (("path", "./digits"),))


@pytest.mark.parametrize("name", ["photos", "photos/", "data (old)", "a, b", "v1.0", "x(y=1)", "tab\tnew"])
def test_an_existing_folder_is_a_data_set(name: str, elsewhere: Path) -> None:
    (elsewhere / name).mkdir()
    spec = dataset_spec(name)
    assert spec == Spec("folder", (("path", name),))
    assert parse(str(spec)) == spec


@pytest.mark.parametrize("name", ["a.parquet", "train-00000-of-00001.parquet", "x.npz"])
def test_an_existing_file_of_a_known_kind_is_a_data_set(name: str, elsewhere: Path) -> None:
    (elsewhere / name).write_bytes(b"")
    assert dataset_spec(name) == Spec(name.rsplit(".")[-1], (("path", name),))


def test_a_url_of_parquet_files_is_a_data_set() -> None:
    url = "hf://datasets/somebody/photos/*.parquet"
    assert dataset_spec(url) == Spec("parquet", (("path", url),))


@pytest.mark.parametrize(("others", "kind"), [((), "parquet"), (("README.md",), "parquet"), (("a.JPG",), "folder")])
def test_a_folder_of_parquet_files_and_no_images_is_parquet(
    others: tuple[str, ...], kind: str, elsewhere: Path
) -> None:
    (elsewhere / "birds" / "data").mkdir(parents=True)
    for name in ("train.parquet", *others):
        (elsewhere / "birds" / "data" / name).write_bytes(b"")
    assert dataset_spec("birds") == Spec(kind, (("path", "birds"),))


def test_a_spec_is_taken_as_written() -> None:
    assert dataset_spec('folder(path="x", name="y")') == parse('folder(name="y", path="x")')
    assert dataset_spec("bundled") == Spec("bundled")


def test_a_spec_that_is_too_long_for_a_path_is_read() -> None:
    text = f'folder(path="{"x" * 5000}")'
    assert str(dataset_spec(text)) == text


def test_labels_are_written_into_a_folders_spec(elsewhere: Path) -> None:
    (elsewhere / "photos").mkdir()
    assert str(dataset_spec("photos", "y.csv")) == 'folder(labels="y.csv", path="photos")'
    assert str(dataset_spec("folder(path='x')", "y.csv")) == 'folder(labels="y.csv", path="x")'


def test_labels_for_anything_but_a_folder_are_refused() -> None:
    assert told("digits", "y.csv") == (
        "labels 'y.csv' belong to a folder of images, and digits is none; leave --labels out"
    )


@pytest.mark.parametrize("text", ["./nope", "nope/", "nope/deeper", "nope.zip", ".hidden"])
def test_a_path_that_is_not_there_is_told_with_the_names_there_are(text: str) -> None:
    assert told(text) == f"no folder or file {text!r}; give an existing folder, or one of: {', '.join(cards())}"


def test_a_file_is_told_with_the_forms_that_are_taken(elsewhere: Path) -> None:
    (elsewhere / "photos.zip").write_bytes(b"")
    assert told("photos.zip") == (
        "'photos.zip' is a file; give a folder of images, a .parquet or .npz file, a study file (.toml), "
        'or vectors(path="x.npy", labels="y.csv")'
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("digts", f"no folder or data set 'digts'; did you mean 'digits'? data sets: {KNOWN}"),
        ("photos", f"no folder or data set 'photos'; data sets: {KNOWN}"),
        ("digits(x=1)", "digits(x=1): unknown parameter 'x'; digits takes: no parameters"),
        ("folder(path=1)", "folder(path=1): path=1: input should be a valid string"),
        ("folder(labels='y')", 'folder(labels="y"): write path=..., which has no default'),
        ("bundled(name='iris')", "bundled(name=\"iris\"): name=\"iris\": input should be 'digits' or 'rotated_digits'"),
        ("my photos", "cannot read the spec 'my photos'; write name or name(param=value, ...)"),
        ("", "cannot read the spec ''; write name or name(param=value, ...)"),
    ],
)
def test_a_mistake_is_told(text: str, problem: str) -> None:
    assert told(text) == problem


def test_a_spec_opens_a_folder_with_its_labels(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "y.csv").write_text("path,label\ncat/0.png,one\ndog/0.png,two\n")
    dataset = open_dataset(dataset_spec(str(photos), str(tmp_path / "y.csv")))
    assert dataset.classes == ("one", "two")
    assert int((dataset.labels < 0).sum()) == 10


def test_a_spec_opens_vectors(elsewhere: Path) -> None:
    np.save(elsewhere / "x.npy", np.eye(2))
    (elsewhere / "y.csv").write_text("label\na\nb\n")
    dataset = open_dataset(dataset_spec('vectors(path="x.npy", labels="y.csv", name="clip")'))
    assert dataset.name == "clip"
    np.testing.assert_array_equal(dataset.vectors, np.eye(2))


def test_a_card_without_a_download_is_found_in_the_folder_for_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write_photo: Callable[..., Path]
) -> None:
    for number, split in enumerate(("train", "test")):
        write_photo(tmp_path / "data" / "clothing" / split / "hat" / "1.png", seed=number)
    monkeypatch.setenv("EMBEDKIT_DATA", str(tmp_path / "data"))
    dataset = open_dataset(dataset_spec("clothing"))
    assert (dataset.name, len(dataset), dataset.classes) == ("clothing", 2, ("hat",))


def test_a_card_whose_images_are_not_there_says_where_they_belong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMBEDKIT_DATA", str(tmp_path / "data"))
    with pytest.raises(EmbedkitError) as error:
        open_dataset(dataset_spec("clothing"))
    assert str(error.value) == (
        f"clothing is not in {tmp_path / 'data' / 'clothing'}: get it from "
        "https://github.com/alexeygrigorev/clothing-dataset-small and put it there, or set EMBEDKIT_DATA to the folder "
        "that holds clothing/"
    )
