"""Label files: what they may look like, and how their mistakes are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from embedkit.datasets.labels import read_labels, read_rows
from embedkit.errors import EmbedkitError

PATHS = ["a.png", "cats/b.png", "cats/c.png"]


def written(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    file = folder / "labels.csv"
    file.write_bytes(text.encode(encoding))
    return file


def test_reads_label_group_and_split_by_path(tmp_path: Path) -> None:
    file = written(tmp_path, "path,label,group,split\na.png,cat,g1,train\ncats/b.png,dog,,test\n")
    assert read_labels(file, PATHS) == {"a.png": ("cat", "g1", "train"), "cats/b.png": ("dog", "", "test")}


def test_an_empty_label_is_kept_as_none(tmp_path: Path) -> None:
    file = written(tmp_path, "path,label\na.png,\ncats/b.png\ncats/c.png,cat\n")
    assert [label for label, _, _ in read_labels(file, PATHS).values()] == ["", "", "cat"]


@pytest.mark.parametrize(
    "text",
    [
        "path,label\ncats/b.png,cat\n",
        "path,label\r\ncats/b.png,cat\r\n",
        "path,label\n\ncats/b.png,cat",
        "label,path\ncat,cats/b.png\n",
        " path , label \n cats/b.png , cat \n",
        "path,label\ncats\\b.png,cat\n",
        "path,label\n.\\cats\\b.png,cat\n",
        "path,label\n./cats/b.png,cat\n",
        '"path","label"\n"cats/b.png","cat"\n',
    ],
)
def test_forms_that_mean_the_same_are_read_alike(text: str, tmp_path: Path) -> None:
    assert read_labels(written(tmp_path, text), PATHS) == {"cats/b.png": ("cat", "", "")}


def test_a_byte_order_mark_and_names_beyond_ascii_are_read(tmp_path: Path) -> None:
    file = written(tmp_path, "path,label\nä 猫.png,Kätzchen\n", "utf-8-sig")
    assert read_labels(file, ["ä 猫.png"]) == {"ä 猫.png": ("Kätzchen", "", "")}


def test_commas_and_quotes_in_fields_are_read(tmp_path: Path) -> None:
    file = written(tmp_path, 'path,label\n"a, b.png","the ""cat"""\n')
    assert read_labels(file, ["a, b.png"]) == {"a, b.png": ('the "cat"', "", "")}


@pytest.mark.parametrize("again", ["a.png", "./a.png", ".\\a.png", " a.png "])
def test_a_path_that_stands_there_twice_is_refused(again: str, tmp_path: Path) -> None:
    file = written(tmp_path, f"path,label\na.png,cat\n{again},dog\n")
    with pytest.raises(EmbedkitError) as told:
        read_labels(file, PATHS)
    assert str(told.value) == f"{file} names 'a.png' twice; keep one line per image"


def test_files_that_are_not_there_are_counted_and_listed(tmp_path: Path) -> None:
    names = [f"x{i}.png" for i in range(7)]
    file = written(tmp_path, "path,label\na.png,cat\n" + "".join(f"{name},cat\n" for name in reversed(names)))
    with pytest.raises(EmbedkitError) as told:
        read_labels(file, PATHS)
    assert str(told.value) == (
        f"{file} names 7 files that are not there: x0.png, x1.png, x2.png, x3.png, x4.png and 2 more; "
        "paths are relative to the image folder"
    )


@pytest.mark.parametrize(
    ("header", "columns"),
    [
        ("file,label", "file, label"),
        ("path", "path"),
        ("path,label,patient", "path, label, patient"),
        ("path;label", "path;label"),
        ("Path,Label", "Path, Label"),
        ("", "(none)"),
    ],
)
def test_wrong_columns_are_told_with_the_right_ones(header: str, columns: str, tmp_path: Path) -> None:
    file = written(tmp_path, f"{header}\na.png,cat\n" if header else "")
    with pytest.raises(EmbedkitError) as told:
        read_labels(file, PATHS)
    assert str(told.value) == (f"{file} has the columns {columns}; it must have path, label and may have group, split")


@pytest.mark.parametrize("name", ["absent.csv", "."])
def test_a_file_that_cannot_be_opened_is_told(name: str, tmp_path: Path) -> None:
    file = tmp_path / name
    with pytest.raises(EmbedkitError) as told:
        read_labels(file, PATHS)
    reason = "Is a directory" if name == "." else "No such file or directory"
    assert str(told.value) == f"cannot read the labels file {str(file)!r}: {reason}"


def test_another_encoding_than_utf8_is_told(tmp_path: Path) -> None:
    file = written(tmp_path, "path,label\nä.png,cat\n", "latin-1")
    with pytest.raises(EmbedkitError) as told:
        read_labels(file, PATHS)
    assert str(told.value).startswith(f"cannot read the labels file {str(file)!r}: 'utf-8' codec can't decode")


def test_rows_without_a_path_are_read_where_none_is_required(tmp_path: Path) -> None:
    file = written(tmp_path, "label,group\ncat,g1\n,g2\n")
    assert read_rows(file, required=("label",)) == [{"label": "cat", "group": "g1"}, {"label": "", "group": "g2"}]
    with pytest.raises(EmbedkitError, match=r"it must have path and may have group, split$"):
        read_rows(written(tmp_path, "label\ncat\n"), required=("path",))
