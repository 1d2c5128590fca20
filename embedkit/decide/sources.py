"""New images, one at a time: a folder, a file, a data set, or arrays."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from embedkit.datasets.decode import SUFFIXES, BrokenImage, decode
from embedkit.errors import EmbedkitError


class Source(NamedTuple):
    """Images that are asked about: their paths or ids, and a way to read each, (H, W, C) uint8, or a vector (d,).

    `read` raises `BrokenImage` where one cannot be read.
    """

    ids: list[str]
    read: Callable[[int], np.ndarray]


def source_of(images: Any) -> Source:
    """From a folder or file of images, a data set as on the command line, images (n, H, W[, C]) or vectors (n, d).

    Raises
    ------
    EmbedkitError
        Where there are no images.
    """
    if not isinstance(images, str | Path):
        return _of_array(np.asarray(images))
    path = Path(images)
    if path.is_dir():
        from embedkit.datasets.folder import image_files

        files = image_files(path)
        if not files:
            raise EmbedkitError(
                f"{str(images)!r} holds no images; embedkit reads {', '.join(sorted(SUFFIXES))}, "
                "in the folder or below it"
            )
        return Source(files, lambda i: _read(path, files[i]))
    if path.is_file() and path.suffix.lower() in SUFFIXES:
        return Source([str(images)], lambda i: _read(path.parent, path.name))
    from embedkit.datasets import dataset_spec, open_dataset

    dataset = open_dataset(dataset_spec(str(images)))
    return Source(list(dataset.ids), dataset.image)


def _read(root: Path, name: str) -> np.ndarray:
    file = root / name
    try:
        if not file.resolve().is_relative_to(root.resolve()):
            raise BrokenImage("a link that leads out of the folder")
        return decode(file.read_bytes())
    except OSError as error:
        raise BrokenImage(error.strerror or str(error)) from None


def _of_array(array: np.ndarray) -> Source:
    if array.ndim == 3:
        array = array[..., None]
    of_images = array.ndim == 4 and array.dtype == np.uint8 and array.shape[3] in (1, 3)
    if not (of_images or (array.ndim == 2 and array.dtype.kind == "f")):
        raise EmbedkitError(
            f"cannot predict an array of {array.dtype} {array.shape}; give images (n, H, W) or (n, H, W, 3) of uint8, "
            "or vectors (n, d) of floats to a model of vectors"
        )
    return Source([str(i) for i in range(len(array))], lambda i: array[i])
