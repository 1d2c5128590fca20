"""Label files: CSV with the columns path,label[,group][,split]."""

from __future__ import annotations

import csv
from pathlib import Path

from embedkit.errors import EmbedkitError, counted, listing

COLUMNS = ("label", "group", "split")


def read_labels(file: Path, paths: list[str]) -> dict[str, tuple[str, str, str]]:
    """Read (label, group, split) by image path; an empty label, like an absent line, means the unlabelled pool.

    Raises
    ------
    EmbedkitError
        Where the file or its columns are missing, a path is labelled twice, or is none of `paths`.
    """
    table: dict[str, tuple[str, str, str]] = {}
    for row in read_rows(file, required=("path", "label")):
        path = row["path"].replace("\\", "/").removeprefix("./")
        if path in table:
            raise EmbedkitError(f"{file} names {path!r} twice; keep one line per image")
        table[path] = (row["label"], row.get("group", ""), row.get("split", ""))
    absent = sorted(set(table) - set(paths))
    if absent:
        raise EmbedkitError(
            f"{file} names {counted(len(absent), 'file that is', 'files that are')} not there: {listing(absent)}; "
            "paths are relative to the image folder"
        )
    return table


def read_rows(file: Path, required: tuple[str, ...]) -> list[dict[str, str]]:
    """Read a CSV file with a header as one dict of stripped text per line."""
    try:
        with file.open(newline="", encoding="utf-8-sig") as lines:
            reader = csv.DictReader(lines)
            header = [name.strip() for name in reader.fieldnames or []]
            reader.fieldnames = header
            missing = [name for name in required if name not in header]
            unknown = [name for name in header if name not in (*required, *COLUMNS)]
            if missing or unknown:
                raise EmbedkitError(
                    f"{file} has the columns {', '.join(header) or '(none)'}; "
                    f"it must have {', '.join(required)} and may have group, split"
                )
            rows = []
            for row in reader:
                if None in row:
                    raise EmbedkitError(f"{file}, line {reader.line_num}: more cells than the header has columns")
                rows.append({name: (value or "").strip() for name, value in row.items()})
            return rows
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise EmbedkitError(f"cannot read the labels file {str(file)!r}: {reason}") from None
