"""A folder of photos: class folders, train/validation/test folders, or a labels file; partly labelled is normal."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from embedkit.datasets.dataset import Dataset
from embedkit.datasets.decode import SUFFIXES
from embedkit.datasets.labels import read_labels
from embedkit.datasets.readable import readable_files
from embedkit.datasets.scan import scan
from embedkit.errors import EmbedkitError


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
    files = image_files(root)
    if not files:
        raise EmbedkitError(
            f"{path!r} holds no images; embedkit reads {', '.join(sorted(SUFFIXES))}, in the folder or below it"
        )
    table = read_labels(Path(labels), files) if labels else {}
    split_form = (root / "train").is_dir()
    placed = [table.get(file, ("", "", "")) if labels else _place(file, split_form) for file in files]
    seen = scan(root, files, progress)
    return readable_files(name, "folder", files, seen, lambda i: (root / files[i]).read_bytes(), placed, task)


def image_files(root: Path) -> list[str]:
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
