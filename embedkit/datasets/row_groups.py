"""Image bytes out of Parquet files: read by row, in windows, so that memory is bounded whatever the files' size."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

WINDOW_BYTES = 8 * 2**20
HELD_BYTES = 64 * 2**20


class _Group(NamedTuple):
    """A row group: the rows `start` to `stop` of all files together, `window` of which are read at once."""

    file: int
    number: int
    start: int
    stop: int
    window: int


class _Window(NamedTuple):
    start: int
    stop: int
    rows: Any


class ImageRows:
    """The bytes of images in a column struct{bytes, ...} of several Parquet files, one after the other.

    Windows of about `WINDOW_BYTES` are read, and the last `HELD_BYTES` of them are kept: in order, each is read once.
    Threads may share it.

    Parameters
    ----------
    columns : sequence of str
        The column of each file.
    open_file : callable
        ``open_file(k)`` is the k-th file as a ``pyarrow.parquet.ParquetFile``.
    """

    def __init__(self, columns: Sequence[str], open_file: Callable[[int], Any]) -> None:
        self._leaves = [f"{column}.bytes" for column in columns]
        self._open_file = open_file
        self._lock = threading.Lock()
        self._held: deque[_Window] = deque()
        self._opened: tuple[int, Any] = (-1, None)
        self._reading: tuple[_Group | None, int, Iterator[Any]] = (None, 0, iter(()))
        self.starts = [0]
        self._groups: list[_Group] = []
        for file in range(len(columns)):
            self._groups += self._groups_of(file)
            self.starts.append(self._groups[-1].stop if self._groups else 0)

    def __getitem__(self, row: int) -> bytes | None:
        with self._lock:
            window = next((held for held in self._held if held.start <= row < held.stop), None) or self._read(row)
            return (window.rows[row - window.start].as_py() or {}).get("bytes")

    def _groups_of(self, file: int) -> Iterator[_Group]:
        metadata = self._file(file).metadata
        start = self.starts[-1]
        for number in range(metadata.num_row_groups):
            group = metadata.row_group(number)
            columns = (group.column(at) for at in range(group.num_columns))
            size = sum(leaf.total_uncompressed_size for leaf in columns if leaf.path_in_schema == self._leaves[file])
            if group.num_rows:
                window = max(1, int(group.num_rows * min(1, WINDOW_BYTES / max(size, 1))))
                yield _Group(file, number, start, start + group.num_rows, window)
            start += group.num_rows

    def _file(self, file: int) -> Any:
        if self._opened[0] != file:
            self._opened = (file, self._open_file(file))
        return self._opened[1]

    def _read(self, row: int) -> _Window:
        """The window that holds a row, read from where the last reading stopped, or from the start of its row group."""
        group = self._groups[bisect_right(self._groups, row, key=lambda group: group.start) - 1]
        reading, at, batches = self._reading
        if reading != group or at > row:
            at = group.start
            batches = self._file(group.file).iter_batches(
                group.window, row_groups=[group.number], columns=[self._leaves[group.file]]
            )
        for batch in batches:
            window = _Window(at, at + len(batch), batch.column(0))
            at = window.stop
            self._reading = (group, at, batches)
            if row < at:
                self._held.appendleft(window)
                while sum(held.rows.nbytes for held in self._held) > HELD_BYTES and len(self._held) > 1:
                    self._held.pop()
                return window
        raise EOFError(f"row group {group.number} ends before its row {row - group.start}")
