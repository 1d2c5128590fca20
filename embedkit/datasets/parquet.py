"""Parquet in the layout of Hugging Face: images in a column struct{bytes, path}, labels in another."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import PurePosixPath

from embedkit.datasets.dataset import Dataset
from embedkit.datasets.parquet_columns import Columns, read_columns
from embedkit.datasets.parquet_files import ParquetFile, find_files, told_as_unreadable
from embedkit.datasets.readable import readable_files
from embedkit.datasets.row_groups import ImageRows
from embedkit.datasets.scan import AHEAD, Seen, look_at, remember, remembered
from embedkit.engines import in_order
from embedkit.errors import EmbedkitError


def parquet(
    progress: Callable[[int, int], None],
    task: str = "auto",
    *,
    path: str,
    label: str = "label",
    name: str | None = None,
) -> Dataset:
    """Parquet files as Hugging Face writes them: one, a folder or a pattern, here or at a URL; splits by file name

    The images are in the column ``image``, or the only one of type struct{bytes, path}. A label is text, a number, or
    a class that the schema's metadata name; null, or -1 for a class, is none. Columns ``group`` and ``split`` mean what
    they mean in a labels file.
    """
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError:
        raise EmbedkitError('reading Parquet files takes pyarrow: pip install "embedkit[parquet]"') from None
    files = find_files(path)
    divided = any(file.split != "test" for file in files)  # files to test on alone are all there is
    columns = [_columns(file, label, file.split if divided else "") for file in files]
    with told_as_unreadable(path):
        rows = ImageRows([column.image for column in columns], lambda k: files[k].open())
    ids = _ids(files, columns)
    seen: list[Seen] = []
    for k, file in enumerate(files):
        span = range(rows.starts[k], rows.starts[k + 1])
        seen += _look(file, columns[k].image, rows, span, lambda done: progress(done, len(ids)))

    placed = [row for column in columns for row in column.placed]
    return readable_files(name or _name(path), "parquet", ids, seen, lambda i: rows[i] or b"", placed, task)


def _columns(file: ParquetFile, label: str, split: str) -> Columns:
    opened = file.open()
    with told_as_unreadable(file.name):
        return read_columns(file.name, opened, label, split)


def _ids(files: list[ParquetFile], columns: list[Columns]) -> list[str]:
    """Split and path of each image where these tell all apart, so that they survive another order; else its place."""
    paths = [path for column in columns for path in column.paths]
    splits = [split for column in columns for _, _, split in column.placed]
    ids = [f"{split}/{path}" if split else path for split, path in zip(splits, paths, strict=True)]
    if all(paths) and len(set(ids)) == len(ids) and all(map(str.isprintable, ids)):
        return ids
    return [
        f"{file.name.removesuffix('.parquet')}/{i:07d}"
        for file, column in zip(files, columns, strict=True)
        for i in range(len(column.paths))
    ]


def _look(
    file: ParquetFile, image_column: str, rows: ImageRows, span: range, progress: Callable[[int], None]
) -> list[Seen]:
    """Decode each image of a file once; sound ones are not read again where the file has not changed."""
    size, changed = file.version()
    place = f"{file.path}\0{image_column}"
    known = remembered(place)
    keys = {i: str(i - span.start) for i in span}
    found = {i: known[key] for i, key in keys.items() if key in known and known[key][:2] == (size, changed)}
    new = [i for i in span if i not in found]
    progress(span.start + len(found))

    def look(i: int) -> Seen:
        data = rows[i]
        if data is None:
            return Seen(size, changed, "", "", None, "its bytes are not in the file")
        return look_at(data, size, changed)

    with told_as_unreadable(file.name):
        for i, seen in zip(new, in_order(look, new, AHEAD), strict=True):
            found[i] = seen
            progress(span.start + len(found))
    if new:
        remember(place, {keys[i]: found[i] for i in span})
    return [found[i] for i in span]


def _name(path: str) -> str:
    """The file's or folder's name; of a pattern, the folder that it starts in."""
    start = re.split(r"/?[^/]*[*?\[]", path, maxsplit=1)[0]
    return PurePosixPath(start if "://" in start else os.path.realpath(start)).name.removesuffix(".parquet")
