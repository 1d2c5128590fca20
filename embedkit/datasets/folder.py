"""A folder of photos: class folders, train/validation/test folders, or a labels file; partly labelled is normal."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import numpy as np

from embedkit.datasets.dataset import Dataset, from_columns, merge_duplicates
from embedkit.datasets.decode import SUFFIXES, decode
from embedkit.datasets.labels import read_labels
from embedkit.datasets.scan import Seen, scan
from embedkit.errors import EmbedkitError, listing

UNREADABLE_SHARE_MAX = 0.05


def folder(
    progress: Callable[[int, int], None],
    task: str = "auto",
    *,
    path: str,
    labels: str | None = None,
    name: str | None = None,
) -> Dataset:
    """images in a folder; labels from class folders or from a file with the columns path,label[,group][,split]"""
    root = Path(path)
    if not root.is_dir():
        raise EmbedkitError(f"no folder {path!r}; give an existing folder of images")
    name = name or root.resolve().name
    files = _image_files(root)
    if not files:
        raise EmbedkitError(
            f"{path!r} holds no images; embedkit reads {', '.join(sorted(SUFFIXES))}, in the folder or below it"
        )
    table = read_labels(Path(labels), files) if labels else {}
    kept, shape, content, pixels, unreadable = _readable(name, files, scan(root, files, progress))
    split_form = (root / "train").is_dir()
    placed = [table.get(file, ("", "", "")) if labels else _place(file, split_form) for file in kept]
    blank = np.zeros(len(kept), dtype=np.int64)
    dataset = Dataset(
        name=name,
        recipe="folder",
        ids=tuple(kept),
        labels=blank,
        classes=(),
        splits=blank.astype("<U5"),
        groups=blank,
        content=content,
        image=lambda i: decode((root / kept[i]).read_bytes()),
        shape=shape,
        unreadable=unreadable,
    )
    columns = [list(column) for column in zip(*placed, strict=True)]
    return merge_duplicates(from_columns(dataset, columns[0], columns[1], columns[2], task), pixels)


def _image_files(root: Path) -> list[str]:
    """Paths of all image files below `root`, relative and with forward slashes, sorted; hidden ones are left out.

    Links to folders are among them: they are not followed, so that a scan tells of each.
    """

    def stop(error: OSError) -> NoReturn:
        raise EmbedkitError(f"cannot read the folder {error.filename!r}: {error.strerror}; permit reading it") from None

    found, endings = [], tuple(SUFFIXES)
    for folder, below, files in os.walk(root, onerror=stop):
        below[:] = [name for name in below if not name.startswith(".")]
        links = [name for name in below if os.path.islink(os.path.join(folder, name))]  # noqa: PTH114, PTH118
        images = [name for name in files if not name.startswith(".") and name.lower().endswith(endings)]
        place = Path(folder).relative_to(root).as_posix()
        found += [name if place == "." else f"{place}/{name}" for name in (*images, *links)]
    return sorted(found)


def _place(file: str, split_form: bool) -> tuple[str, str, str]:
    """Label, group and split that the position of a file says."""
    parts = file.split("/")[:-1]
    split = ""
    if split_form and parts and parts[0] in ("train", "validation", "val", "valid", "test"):
        split = parts.pop(0)
    label = parts[0] if parts and parts[0] not in ("unlabeled", "unlabelled") else ""
    return label, "", split


def _readable(
    name: str, files: list[str], seen: list[Seen]
) -> tuple[list[str], tuple[int, int, int] | None, str, list[str], tuple[tuple[str, str], ...]]:
    """Which files are usable; their common shape, content fingerprint and pixel digests; the others with reasons."""
    unreadable = tuple((_printable(file), look.problem) for file, look in zip(files, seen, strict=True) if look.problem)
    if len(unreadable) > UNREADABLE_SHARE_MAX * len(files):
        reasons = [f"{path} ({reason})" for path, reason in unreadable]
        raise EmbedkitError(
            f"{name}: {len(unreadable)} of {len(files)} images are unreadable, more than {UNREADABLE_SHARE_MAX:.0%}: "
            f"{listing(reasons)}; mend or remove them"
        )
    kept = [file for file, look in zip(files, seen, strict=True) if not look.problem]
    sound = [look for look in seen if not look.problem]
    shapes = {look.shape for look in sound}
    bytes_by_file = list(zip(kept, [look.file_sha256 for look in sound], strict=True))
    return (
        kept,
        shapes.pop() if len(shapes) == 1 else None,
        hashlib.sha256(json.dumps(bytes_by_file).encode()).hexdigest(),
        [look.pixels_sha256 for look in sound],
        unreadable,
    )


def _printable(path: str) -> str:
    return path.encode(errors="backslashreplace").decode()
