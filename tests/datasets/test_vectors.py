"""Vectors that somebody else made: read without pickle, checked, labelled line by line."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest

from embedkit.datasets.dataset import Dataset
from embedkit.datasets.vectors import from_arrays, vectors
from embedkit.errors import EmbedkitError

X = np.array([[1, 2], [3, 4], [5, 6]], dtype=np.float32)


def opened(folder: Path, X: np.ndarray | bytes, labels: str) -> Dataset:
    if isinstance(X, bytes):
        (folder / "x.npy").write_bytes(X)
    else:
        np.save(folder / "x.npy", X)
    (folder / "y.csv").write_text(labels)
    return vectors(lambda done, total: None, path=str(folder / "x.npy"), labels=str(folder / "y.csv"))


def saved(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def test_reads_vectors_and_their_labels(tmp_path: Path) -> None:
    dataset = opened(tmp_path, X, 'label\ndog\ncat\n""\n')
    assert (dataset.name, dataset.recipe, dataset.classes) == ("x", "vectors", ("cat", "dog"))
    assert dataset.ids == ("0000000", "0000001", "0000002")
    np.testing.assert_array_equal(dataset.labels, [1, 0, -1])
    np.testing.assert_array_equal(dataset.vectors, X)
    np.testing.assert_array_equal(dataset.image(1), [3, 4])


def test_reads_groups_and_splits(tmp_path: Path) -> None:
    dataset = opened(tmp_path, X, "label,group,split\ndog,g,train\ncat,g,validation\ncat,,test\n")
    np.testing.assert_array_equal(dataset.groups, [0, 0, 1])
    np.testing.assert_array_equal(dataset.splits, ["train", "train", "test"])


@pytest.mark.parametrize("dtype", [np.float64, np.float16, np.int32, ">f4"])
def test_any_number_type_and_memory_order_is_the_same_content(dtype: object) -> None:
    plain = from_arrays(X, ["a", "b", "a"], None, None, "n")
    other = from_arrays(np.asfortranarray(X.astype(dtype)), ["a", "b", "a"], None, None, "n")
    assert other.vectors is not None
    assert (other.vectors.dtype, other.vectors.flags.c_contiguous) == (np.float32, True)
    assert (other.content, other.fingerprint) == (plain.content, plain.fingerprint)


def test_content_is_the_numbers_and_the_fingerprint_the_labels_too() -> None:
    plain = from_arrays(X, ["a", "b", "a"], None, None, "n")
    relabelled = from_arrays(X, ["a", "b", "b"], None, None, "n")
    changed = from_arrays(X + 1, ["a", "b", "a"], None, None, "n")
    reshaped = from_arrays(X.reshape(2, 3), ["a", "b"], None, None, "n")
    assert relabelled.content == plain.content
    assert relabelled.fingerprint != plain.fingerprint
    assert len({plain.content, changed.content, reshaped.content}) == 3


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e39])
def test_numbers_that_are_not_finite_are_counted(bad: float) -> None:
    rows = np.zeros((5, 2))
    rows[[1, 3], [0, 1]] = bad
    with pytest.raises(EmbedkitError) as told:
        from_arrays(rows, ["a", "b"] * 2 + ["a"], None, None, "clip")
    assert str(told.value) == ("clip: 2 vectors hold NaN or infinity, as float32 (first: row 1); mend or remove them")


@pytest.mark.parametrize(
    ("array", "what"),
    [
        (np.zeros(3), "float64 of shape (3,)"),
        (np.zeros((3, 2, 2), np.float32), "float32 of shape (3, 2, 2)"),
        (np.zeros((3, 0)), "float64 of shape (3, 0)"),
        (np.zeros((3, 2), complex), "complex128 of shape (3, 2)"),
        (np.zeros((3, 2), bool), "bool of shape (3, 2)"),
        (np.array([["a", "b"]] * 3), "<U1 of shape (3, 2)"),
        (np.array([[None, 1]] * 3), "object of shape (3, 2)"),
    ],
)
def test_what_is_no_matrix_of_numbers_is_told(array: np.ndarray, what: str) -> None:
    with pytest.raises(EmbedkitError) as told:
        from_arrays(array, ["a", "b", "a"], None, None, "clip")
    assert str(told.value) == f"clip: vectors must be a numeric array of shape (n, d); it is {what}"


@pytest.mark.parametrize("n", [2, 4])
def test_another_number_of_labels_than_vectors_is_told(n: int, tmp_path: Path) -> None:
    with pytest.raises(EmbedkitError) as told:
        opened(tmp_path, X, "label\n" + "a\n" * n)
    assert str(told.value) == f"x: 3 vectors and {n} labels; give one label (or an empty one) per row"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (saved(np.array([[{}, 1]], dtype=object)), "Object arrays cannot be loaded when allow_pickle=False"),
        (saved(X)[:-4], "Failed to read all data for array"),
        (saved(X).replace(b"(3, 2)", b"(9999999999999, 2)"), "Unable to allocate"),
        (saved(X).replace(b"(3, 2)", b"(3, 2("), "EOF in multi-line statement"),
        (b"PK\x03\x04 an archive", "the magic string is not correct"),
        (b"\x80\x04N.", "reading magic string"),
        (b"", "reading magic string"),
    ],
    ids=["pickled", "cut", "giant", "header", "zip", "pickle", "empty"],
)
def test_a_file_that_is_no_sound_npy_is_refused_without_loading_pickles(
    data: bytes, reason: str, tmp_path: Path
) -> None:
    with pytest.raises(EmbedkitError) as told:
        opened(tmp_path, data, "label\na\nb\na\n")
    assert str(told.value).startswith(f"cannot read {str(tmp_path / 'x.npy')!r}: ")
    assert reason in str(told.value)
    assert str(told.value).endswith("; vectors are a .npy file written by numpy.save")


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(EmbedkitError) as told:
        vectors(lambda done, total: None, path="nope.npy", labels="y.csv")
    assert str(told.value) == "no file 'nope.npy'; vectors are a .npy file with one row per image"


def test_equal_vectors_stay_on_one_side() -> None:
    dataset = from_arrays(np.array([[1.0], [2.0], [1.0]]), ["a", "b", "a"], None, None, "n")
    assert dataset.groups[0] == dataset.groups[2] != dataset.groups[1]
    assert dataset.notices == ("1 exact duplicate (kept on one side of every split)",)


def test_numeric_labels_are_targets(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.eye(3))
    (tmp_path / "y.csv").write_text('label\n1.5\n2\n""\n')
    dataset = vectors(lambda done, total: None, path=f"{tmp_path}/x.npy", labels=f"{tmp_path}/y.csv")
    np.testing.assert_array_equal(dataset.targets, [1.5, 2, np.nan])
