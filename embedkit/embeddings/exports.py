"""Embeddings as files of other libraries: .npy and Parquet, written shard by shard; only Parquet needs pyarrow."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from embedkit.embeddings import store
from embedkit.embeddings.store import Embeddings
from embedkit.errors import EmbedkitError


def export(key: str, file: Path, force: bool = False) -> tuple[int, int]:
    """Write the rows of a complete key, in the order of the images; returns their shape (n, d).

    A ``.npy`` file holds one array (n, d) float32; a ``.parquet`` file the columns ``row`` (int64), ``id`` (string, of
    the image; not where the embeddings were made before ids were kept) and ``embedding`` (fixed-size list of float32).
    With `force` a file that is there is replaced.

    Raises
    ------
    EmbedkitError
        Where the key is not complete or a shard is damaged (every byte is checked), the ending is another, pyarrow is
        not installed, or the file is there already or cannot be written.
    """
    writers: dict[str, Callable[[Embeddings, Path], None]] = {
        ".npy": _write_npy,
        ".parquet": lambda embeddings, file: _write_parquet(embeddings, store.read_ids(key), file),
    }
    if file.suffix not in writers:
        raise EmbedkitError(f"cannot export to {file.name!r}: files end in .npy or .parquet")
    if file.exists() and not force:
        raise EmbedkitError(f"{file} is there already; give another name, or --force to replace it")
    embeddings = store.read(key)
    temporary = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        writers[file.suffix](embeddings, temporary)
        temporary.replace(file)
    except OSError as error:
        raise EmbedkitError(
            f"cannot write {file}: {error.strerror or error}; give a file where you may write"
        ) from None
    finally:
        with suppress(OSError):
            temporary.unlink()
    return embeddings.shape


def _write_npy(embeddings: Embeddings, file: Path) -> None:
    with file.open("xb") as stream:
        header: dict[str, Any] = {"descr": "<f4", "fortran_order": False, "shape": embeddings.shape}
        np.lib.format.write_array_header_1_0(stream, header)
        for rows in embeddings.checked_shards():
            stream.write(rows.data)
        stream.flush()
        os.fsync(stream.fileno())


def _write_parquet(embeddings: Embeddings, ids: list[str] | None, file: Path) -> None:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise EmbedkitError('Parquet files need pyarrow: pip install "embedkit[parquet]" (or export to .npy)') from None
    width = embeddings.shape[1]
    id_field = [] if ids is None else [("id", pa.string())]
    schema = pa.schema([("row", pa.int64()), *id_field, ("embedding", pa.list_(pa.float32(), width))])
    start = 0
    with pq.ParquetWriter(file, schema) as writer:
        for rows in embeddings.checked_shards():
            stop = start + len(rows)
            here = [] if ids is None else [pa.array(ids[start:stop], pa.string())]
            vectors = pa.FixedSizeListArray.from_arrays(pa.array(rows.ravel()), width)
            columns = [pa.array(np.arange(start, stop)), *here, vectors]
            writer.write_table(pa.Table.from_arrays(columns, schema=schema))
            start = stop
