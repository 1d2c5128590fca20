"""What the columns of a Parquet file say: where the images are, and their labels as text."""

from __future__ import annotations

import json
import math
from typing import Any, NamedTuple

from embedkit.errors import EmbedkitError


class Columns(NamedTuple):
    """Of one file: its image column, and for each row the image's path and (label, group, split), empty for none."""

    image: str
    paths: list[str]
    placed: list[tuple[str, str, str]]


def read_columns(name: str, file: Any, label: str, split: str) -> Columns:
    """Read all of a ``pyarrow.parquet.ParquetFile`` but the images; `split` holds where there is no such column.

    Raises
    ------
    EmbedkitError
        Where there is no column of images, or none of labels of that name: all columns are named.
    """
    schema = file.schema_arrow
    image = _image_column(name, schema)
    labels = _label_column(name, schema, label, image)
    has_paths = schema.field(image).type.get_field_index("path") >= 0
    wanted = [column for column in (labels, "group", "split") if column in schema.names]
    table = file.read(columns=[*wanted, f"{image}.path"] if has_paths else wanted)
    n = file.metadata.num_rows

    def text(column: str | None, default: str = "") -> list[str]:
        if column is None or column not in table.column_names:
            return [default] * n
        names = _class_names(schema, column)
        return [_text(name, column, value, names) for value in table.column(column).to_pylist()]

    paths = [row["path"] if row else None for row in table.column(image).to_pylist()] if has_paths else [None] * n
    placed = list(zip(text(labels), text("group"), text("split", split), strict=True))
    return Columns(image, [path if isinstance(path, str) else "" for path in paths], placed)


def _image_column(name: str, schema: Any) -> str:
    import pyarrow.types as kinds

    def holds_bytes(kind: Any) -> bool:
        at = kind.get_field_index("bytes") if kinds.is_struct(kind) else -1
        return at >= 0 and (kinds.is_binary(kind.field(at).type) or kinds.is_large_binary(kind.field(at).type))

    found = [field.name for field in schema if holds_bytes(field.type)]
    if len(found) != 1 and "image" not in found:
        raise EmbedkitError(
            f"{name} has {len(found) or 'no'} columns of images, struct{{bytes, path}}, and none is called 'image'; "
            f"its columns: {_described(schema)}"
        )
    return "image" if "image" in found else found[0]


def _label_column(name: str, schema: Any, label: str, image: str) -> str | None:
    if label in schema.names:
        return label
    others = [column for column in schema.names if column not in (image, "group", "split")]
    classes = [column for column in others if _class_names(schema, column)]
    if label == "label" and len(classes) == 1:
        return classes[0]
    if label == "label" and not others:
        return None
    raise EmbedkitError(f"{name} has no column {label!r}; write label=... with one of: {_described(schema, others)}")


def _described(schema: Any, names: list[str] | None = None) -> str:
    return ", ".join(f"{field.name} ({field.type})" for field in schema if names is None or field.name in names)


def _class_names(schema: Any, column: str) -> list[str]:
    """The classes that the metadata of Hugging Face give for a column of numbers, or nothing."""
    try:
        names = json.loads(schema.metadata[b"huggingface"])["info"]["features"][column]["names"]
    except (TypeError, KeyError, ValueError):
        return []
    sound = isinstance(names, list) and all(isinstance(name, str) for name in names)
    return names if sound else []


def _text(name: str, column: str, value: Any, names: list[str]) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if names and isinstance(value, int):
        if value == -1:
            return ""
        if not 0 <= value < len(names):
            raise EmbedkitError(
                f"{name}: {column} {value} is none of the {len(names)} classes of the schema's metadata"
            )
        return names[value]
    if not isinstance(value, str | int | float):
        raise EmbedkitError(f"{name}: {column} holds {value!r}; labels are text or numbers, one for each image")
    return str(value).strip()
