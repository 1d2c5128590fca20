"""Parquet files as Hugging Face writes them: labels of every kind, splits by name, nothing held that need not be."""

from __future__ import annotations

import builtins
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pa = pytest.importorskip("pyarrow", reason='needs pyarrow: pip install "embedkit[parquet]"')
import pyarrow.parquet as pq  # noqa: E402

from embedkit.datasets import scan  # noqa: E402
from embedkit.datasets.dataset import Dataset  # noqa: E402
from embedkit.datasets.parquet import parquet  # noqa: E402
from embedkit.errors import EmbedkitError  # noqa: E402

IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def pixels(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (4, 6, 3), dtype=np.uint8)


def png(seed: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels(seed)).save(buffer, "PNG")
    return buffer.getvalue()


def write(
    file: Path,
    seeds: range,
    label: Any = None,
    kind: Any = None,
    classes: list[str] | None = None,
    paths: bool = True,
    images: list[Any] | None = None,
    group_rows: int = 3,
    **columns: list[Any],
) -> Path:
    """One Parquet file with the images of these seeds; ``label`` names or numbers one class for each."""
    file.parent.mkdir(parents=True, exist_ok=True)
    rows = [{"bytes": png(seed), "path": f"{seed}.png" if paths else None} for seed in seeds]
    fields = [pa.field("image", IMAGE)]
    data: dict[str, Any] = {"image": images or rows}
    if label is not None:
        fields.append(pa.field("label", kind or pa.string()))
        data["label"] = label
    for name, values in columns.items():
        fields.append(pa.field(name, pa.string()))
        data[name] = values
    features = {"image": {"_type": "Image"}}
    if classes:
        features["label"] = {"_type": "ClassLabel", "names": classes}  # type: ignore[dict-item]
    schema = pa.schema(fields, {"huggingface": json.dumps({"info": {"features": features}})})
    pq.write_table(pa.table(data, schema), file, row_group_size=group_rows)
    return file


def opened(path: Path | str, task: str = "auto", **options: str) -> Dataset:
    return parquet(lambda done, total: None, task, path=str(path), **options)


def told(path: Path | str, **options: str) -> str:
    with pytest.raises(EmbedkitError) as error:
        opened(path, **options)
    return str(error.value)


def labels_of(dataset: Dataset) -> list[str]:
    return [(*dataset.classes, "")[label] for label in dataset.labels]


@pytest.fixture
def birds(tmp_path: Path) -> Path:
    """A folder as Hugging Face lays it out: two files to train on, one to test on, two classes."""
    classes = ["wren", "crow"]
    write(tmp_path / "birds/data/train-00000-of-00002.parquet", range(5), [0, 1, 0, 1, 1], pa.int64(), classes)
    write(tmp_path / "birds/data/train-00001-of-00002.parquet", range(5, 9), [1, 0, 0, -1], pa.int64(), classes)
    write(tmp_path / "birds/data/test-00000-of-00001.parquet", range(9, 12), [0, 1, None], pa.int64(), classes)
    return tmp_path / "birds"


def test_classes_come_from_the_metadata_and_splits_from_the_names(birds: Path) -> None:
    dataset = opened(birds)
    assert (dataset.name, dataset.recipe, dataset.shape) == ("birds", "parquet", (4, 6, 3))
    assert dataset.classes == ("crow", "wren")
    assert dataset.ids == (
        *(f"test/{seed}.png" for seed in range(9, 12)),
        *(f"train/{seed}.png" for seed in range(9)),
    )
    assert labels_of(dataset)[:3] == ["wren", "crow", ""]
    assert labels_of(dataset)[3:] == ["wren", "crow", "wren", "crow", "crow", "crow", "wren", "wren", ""]
    assert list(dataset.splits) == ["test"] * 3 + ["train"] * 9


def test_an_image_is_the_one_of_its_row_in_any_order(birds: Path) -> None:
    dataset = opened(birds)
    for i in np.random.default_rng(0).permutation(12):
        seed = int(Path(dataset.ids[i]).stem)
        np.testing.assert_array_equal(dataset.image(i), pixels(seed))


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("train.parquet", "train"),
        ("validation-00000-of-00001.parquet", "train"),
        ("default/test/0000.parquet", "test"),
        ("TEST.parquet", "test"),
        ("photos.parquet", ""),
        ("testing.parquet", ""),
    ],
)
def test_the_split_is_the_first_word_of_a_name(name: str, split: str, tmp_path: Path) -> None:
    write(tmp_path / "d" / name, range(4), list("abab"))
    write(tmp_path / "d" / "more.parquet", range(4, 6), list("ab"))
    dataset = opened(tmp_path / "d")
    assert {Path(image).name: by for image, by in zip(dataset.ids, dataset.splits, strict=True)}["3.png"] == split


def test_files_to_test_on_alone_are_not_divided(birds: Path) -> None:
    dataset = opened(birds / "data/test-00000-of-00001.parquet")
    assert (set(dataset.splits), dataset.ids) == ({""}, ("9.png", "10.png", "11.png"))


def test_one_file_and_a_pattern_are_read_too(birds: Path) -> None:
    one = opened(birds / "data/train-00000-of-00002.parquet")
    assert (len(one), one.name, set(one.splits)) == (5, "train-00000-of-00002", {"train"})
    two = opened(f"{birds}/data/train-*.parquet", name="wrens")
    assert (len(two), two.name) == (9, "wrens")
    assert opened(f"{birds}/data/*.parquet").name == "data"


def test_a_url_of_another_file_system_is_read(birds: Path) -> None:
    fsspec = pytest.importorskip("fsspec")
    memory = fsspec.filesystem("memory")
    for file in birds.rglob("*.parquet"):
        memory.pipe(f"/birds/data/{file.name}", file.read_bytes())
    there, here = opened("memory://birds"), opened(birds)
    assert (there.name, there.fingerprint) == ("birds", here.fingerprint)
    np.testing.assert_array_equal(there.image(4), here.image(4))
    memory.rm("/birds", recursive=True)


def test_labels_may_be_text_numbers_or_missing(tmp_path: Path) -> None:
    assert labels_of(opened(write(tmp_path / "a.parquet", range(4), ["x", " y ", None, ""]))) == ["x", "y", "", ""]
    numbers = opened(write(tmp_path / "b.parquet", range(3), [7, 8, None], pa.int32()))
    assert numbers.classes == ("7", "8")
    assert numbers.notices == (
        "labels are whole numbers and taken as classes; --task regression takes them as numbers",
    )
    ages = opened(write(tmp_path / "c.parquet", range(3), [1.5, 2.0, float("nan")], pa.float64()))
    np.testing.assert_array_equal(ages.targets, [1.5, 2, np.nan])
    counts = opened(tmp_path / "b.parquet", "regression")
    np.testing.assert_array_equal(counts.targets, [7, 8, np.nan])


def test_a_file_of_images_alone_is_the_pool(birds: Path) -> None:
    write(birds / "data/unlabeled.parquet", range(20, 23))
    dataset = opened(birds)
    assert labels_of(dataset)[-3:] == ["", "", ""]
    assert list(dataset.splits[-3:]) == ["", "", ""]


def test_group_and_split_columns_mean_what_they_mean_in_a_labels_file(tmp_path: Path) -> None:
    file = write(
        tmp_path / "train.parquet", range(4), list("abab"), group=["g", "g", "", ""], split=["test"] * 2 + [""] * 2
    )
    dataset = opened(file)
    np.testing.assert_array_equal(dataset.groups, [0, 0, 1, 2])
    assert list(dataset.splits) == ["test", "test", "", ""]


def test_another_label_column_is_found_by_its_classes_or_its_name(tmp_path: Path) -> None:
    schema = {"info": {"features": {"fine": {"_type": "ClassLabel", "names": ["x", "y"]}}}}
    rows = [{"bytes": png(seed), "path": None} for seed in range(2)]
    table = pa.table(
        {"img": pa.array(rows, IMAGE), "fine": [0, 1], "coarse": [5, 6]},
    ).replace_schema_metadata({"huggingface": json.dumps(schema)})
    pq.write_table(table, tmp_path / "a.parquet")
    assert opened(tmp_path / "a.parquet").classes == ("x", "y")
    assert opened(tmp_path / "a.parquet", label="coarse").classes == ("5", "6")
    assert told(tmp_path / "a.parquet", label="species") == (
        "a.parquet has no column 'species'; write label=... with one of: fine (int64), coarse (int64)"
    )


def test_ids_without_paths_are_the_place_in_the_file(tmp_path: Path) -> None:
    write(tmp_path / "d/train.parquet", range(2), ["a", "b"], paths=False)
    assert opened(tmp_path / "d").ids == ("train/0000000", "train/0000001")


def test_paths_that_stand_there_twice_are_no_ids(tmp_path: Path) -> None:
    rows = [{"bytes": png(seed), "path": "image.png"} for seed in range(2)]
    write(tmp_path / "d/train.parquet", range(2), ["a", "b"], images=rows)
    assert opened(tmp_path / "d").ids == ("train/0000000", "train/0000001")


def test_a_second_start_decodes_nothing_and_a_changed_file_is_read_again(
    birds: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[bytes] = []
    real = scan.decode
    monkeypatch.setattr(scan, "decode", lambda data: (decoded.append(data), real(data))[1])
    first = opened(birds)
    assert len(decoded) == 12
    assert opened(birds).fingerprint == first.fingerprint
    assert len(decoded) == 12
    write(birds / "data/test-00000-of-00001.parquet", range(30, 33), [0, 1, 1], pa.int64(), ["wren", "crow"])
    assert opened(birds).content != first.content
    assert len(decoded) == 15


def test_a_moved_folder_is_the_same_data(birds: Path, tmp_path: Path) -> None:
    before = opened(birds)
    assert opened(birds.rename(tmp_path / "elsewhere")).fingerprint == before.fingerprint


def test_copies_of_test_images_are_dropped_from_train(birds: Path) -> None:
    write(birds / "data/train-00002.parquet", range(9, 10), [1], pa.int64(), ["wren", "crow"])
    dataset = opened(birds)
    assert "train/9.png" not in dataset.ids
    assert "1 image dropped from train" in dataset.notices[0]


def test_unreadable_rows_are_told_by_id_and_reason(tmp_path: Path) -> None:
    rows: list[Any] = [{"bytes": png(seed), "path": f"{seed}.png"} for seed in range(40)]
    rows[3] = {"bytes": None, "path": "/etc/passwd.png"}
    rows[5] = {"bytes": b"no image", "path": "5.png"}
    dataset = opened(write(tmp_path / "d.parquet", range(40), ["a", "b"] * 20, images=rows))
    assert dataset.unreadable == (("/etc/passwd.png", "its bytes are not in the file"), ("5.png", "not an image"))
    assert len(dataset) == 38


def test_a_null_image_is_told(tmp_path: Path) -> None:
    file = write(tmp_path / "d.parquet", range(2), ["a", "b"], images=[None, {"bytes": png(1), "path": "1.png"}])
    assert "d/0000000 (its bytes are not in the file)" in told(file)


@pytest.mark.parametrize("damage", ["empty", "text", "cut", "flipped"])
def test_a_damaged_file_is_told(damage: str, birds: Path) -> None:
    file = birds / "data/train-00000-of-00002.parquet"
    whole = file.read_bytes()
    flipped = bytearray(whole)
    flipped[-40:-8] = b"\xff" * 32
    file.write_bytes({"empty": b"", "text": b"hello", "cut": whole[:-50], "flipped": bytes(flipped)}[damage])
    message = told(birds)
    assert message.startswith("cannot read the Parquet file 'data/train-00000-of-00002.parquet': ")
    assert message.endswith("; write or download it again")


def test_no_column_of_images_is_told_with_the_columns(tmp_path: Path) -> None:
    pq.write_table(pa.table({"pixels": [1, 2], "label": ["a", "b"]}), tmp_path / "a.parquet")
    assert told(tmp_path / "a.parquet") == (
        "a.parquet has no columns of images, struct{bytes, path}, and none is called 'image'; "
        "its columns: pixels (int64), label (string)"
    )


def test_a_class_beyond_the_metadata_is_told(tmp_path: Path) -> None:
    file = write(tmp_path / "a.parquet", range(2), [0, 2], pa.int64(), ["x", "y"])
    assert told(file) == "a.parquet: label 2 is none of the 2 classes of the schema's metadata"


def test_labels_of_several_values_are_told(tmp_path: Path) -> None:
    file = write(tmp_path / "a.parquet", range(2), [["x"], ["y"]], pa.list_(pa.string()))
    assert told(file) == "a.parquet: label holds ['x']; labels are text or numbers, one for each image"


@pytest.mark.parametrize(
    "metadata", [b"", b"[]", b'{"info": null}', b'{"info": {"features": {"label": {"names": 3}}}}']
)
def test_metadata_that_say_nothing_are_passed_over(metadata: bytes, tmp_path: Path) -> None:
    file = write(tmp_path / "a.parquet", range(2), [0, 1], pa.int64())
    pq.write_table(pq.read_table(file).replace_schema_metadata({b"huggingface": metadata}), file)
    assert opened(file).classes == ("0", "1")


def test_nothing_to_read_is_told(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nope.parquet", f"{tmp_path}/*.parquet"):
        assert told(path) == (
            f"no Parquet files at {str(path)!r}; give a .parquet file, a folder of them, or a pattern"
        )
    assert told("nowhere://x.parquet") == (
        "cannot look for Parquet files at 'nowhere://x.parquet': Protocol not known: nowhere"
    )


def test_a_link_out_of_the_folder_is_refused(birds: Path, tmp_path: Path) -> None:
    outside = (birds / "data/test-00000-of-00001.parquet").rename(tmp_path / "outside.parquet")
    (birds / "data/test-00000-of-00001.parquet").symlink_to(outside)
    assert told(birds) == (
        f"'data/test-00000-of-00001.parquet' in {str(birds)!r} is a link that leads out of the folder; "
        f"copy the file there, or give the pattern {birds}/**/*.parquet to follow such links"
    )
    assert len(opened(f"{birds}/**/*.parquet")) == 12


def test_without_pyarrow_the_extra_is_told(birds: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *arguments: Any, **options: Any) -> Any:
        if name.startswith("pyarrow"):
            raise ImportError(name)
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    assert told(birds) == 'reading Parquet files takes pyarrow: pip install "embedkit[parquet]"'


def test_the_look_tells_how_far_it_is(birds: Path) -> None:
    done: list[tuple[int, int]] = []
    parquet(lambda *progress: done.append(progress), path=str(birds))
    assert done == [(i, 12) for i in (0, 1, 2, 3, 3, 4, 5, 6, 7, 8, 8, 9, 10, 11, 12)]


@pytest.mark.shared_data
def test_cifar10_is_read_with_its_counts(shared_data: Path) -> None:
    dataset = opened(shared_data / "cifar10" / "test-00000-of-00001.parquet")
    assert (len(dataset), len(dataset.classes), dataset.shape) == (10_000, 10, (32, 32, 3))
    np.testing.assert_array_equal(np.bincount(dataset.labels), [1000] * 10)
