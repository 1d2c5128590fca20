"""Parquet in the layout of Hugging Face: images in a column struct{bytes, path}, labels in another."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import PurePosixPath

import numpy as np

from embedkit.datasets.dataset import Dataset
from embedkit.datasets.decode import decode
from embedkit.datasets.parquet_columns import Columns, read_columns
from embedkit.datasets.parquet_files import ParquetFile, find_files, told_as_unreadable
from embedkit.datasets.readable import readable_images
from embedkit.datasets.row_groups import ImageRows
from embedkit.datasets.scan import Seen, look_at, remember, remembered
from embedkit.errors import EmbedkitError

_ROWS_AHEAD = 512


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
    columns = [_columns(file, label) for file in files]
    with told_as_unreadable(path):
        rows = ImageRows([column.image for column in columns], lambda k: files[k].open())
    ids = _ids(files, columns)
    seen: list[Seen] = []
    for k, file in enumerate(files):
        span = range(rows.starts[k], rows.starts[k + 1])
        seen += _look(file, columns[k].image, rows, span, lambda done: progress(done, len(ids)))

    def image(i: int) -> np.ndarray:
        return decode(rows[i] or b"")

    placed = [row for column in columns for row in column.placed]
    return readable_images(name or _name(path), "parquet", ids, seen, image, placed, task)


def _columns(file: ParquetFile, label: str) -> Columns:
    opened = file.open()
    with told_as_unreadable(file.name):
        return read_columns(file.name, opened, label, file.split)


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
    """Decode each image of a file once; one that has not changed since the last time is not read again."""
    size, changed = file.version()
    place = f"{file.path}\0{image_column}"
    known = list(remembered(place).values())
    if len(known) == len(span) and all((seen.size, seen.changed_ns) == (size, changed) for seen in known):
        progress(span.stop)
        return known

    def look(i: int) -> Seen:
        data = rows[i]
        if data is None:
            return Seen(size, changed, "", "", None, "its bytes are not in the file")
        return look_at(data, size, changed)

    seen: list[Seen] = []
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        for start in range(span.start, span.stop, _ROWS_AHEAD):
            with told_as_unreadable(file.name):
                for found in threads.map(look, range(start, min(start + _ROWS_AHEAD, span.stop))):
                    seen.append(found)
                    progress(span.start + len(seen))
    remember(place, {str(i): found for i, found in enumerate(seen)})
    return seen


def _name(path: str) -> str:
    """The file's or folder's name; of a pattern, the folder that it starts in."""
    start = re.split(r"/?[^/]*[*?\[]", path, maxsplit=1)[0]
    return PurePosixPath(start if "://" in start else os.path.realpath(start)).name.removesuffix(".parquet")
