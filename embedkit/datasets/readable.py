"""From what a look at every image found to a data set: those that can be read, copies on one side."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from embedkit.datasets.dataset import Dataset, from_columns, merge_duplicates
from embedkit.datasets.decode import decode
from embedkit.datasets.scan import Seen, look_at_pixels
from embedkit.errors import Unreadable, listing

UNREADABLE_SHARE_MAX = 0.05


def readable_images(
    name: str,
    recipe: str,
    ids: list[str],
    seen: Sequence[Seen],
    image: Callable[[int], np.ndarray],
    columns: Sequence[tuple[str, str, str]],
    task: str,
    encoded: Callable[[int], bytes] | None = None,
) -> Dataset:
    """The images that can be read, with label, group and split (text, empty for none) of each.

    `image(i)` decodes the i-th of all `ids`; `encoded(i)` gives the bytes of its file, where it is one.

    Raises
    ------
    EmbedkitError
        Where more than `UNREADABLE_SHARE_MAX` of the images cannot be read: counted, the first with their reasons.
    """
    unreadable = tuple((_printable(path), look.problem) for path, look in zip(ids, seen, strict=True) if look.problem)
    if len(unreadable) > UNREADABLE_SHARE_MAX * len(ids):
        reasons = [f"{path} ({reason})" for path, reason in unreadable]
        raise Unreadable(
            f"{name}: {len(unreadable)} of {len(ids)} images are unreadable, more than {UNREADABLE_SHARE_MAX:.0%}: "
            f"{listing(reasons)}; mend or remove them (embedkit check lists them all)",
            unreadable,
        )
    kept = [i for i, look in enumerate(seen) if not look.problem]
    sound = [look for look in seen if not look.problem]
    kept_ids = [ids[i] for i in kept]
    shapes = {look.shape for look in sound}
    contents = list(zip(kept_ids, [look.file_sha256 for look in sound], strict=True))
    blank = np.zeros(len(kept), dtype=np.int64)
    dataset = Dataset(
        name=name,
        recipe=recipe,
        ids=tuple(kept_ids),
        labels=blank,
        classes=(),
        splits=blank.astype("<U5"),
        groups=blank,
        content=hashlib.sha256(json.dumps(contents).encode()).hexdigest(),
        image=lambda i: image(kept[i]),
        encoded=None if encoded is None else lambda i: encoded(kept[i]),
        shape=shapes.pop() if len(shapes) == 1 else None,
        unreadable=unreadable,
    )
    labels, groups, splits = ([column[at] for column in map(columns.__getitem__, kept)] for at in range(3))
    return merge_duplicates(from_columns(dataset, labels, groups, splits, task), [look.pixels_sha256 for look in sound])


def readable_files(
    name: str,
    recipe: str,
    ids: list[str],
    seen: Sequence[Seen],
    encoded: Callable[[int], bytes],
    columns: Sequence[tuple[str, str, str]],
    task: str,
) -> Dataset:
    """The same of image files; `encoded(i)` gives the bytes of the i-th."""
    return readable_images(name, recipe, ids, seen, lambda i: decode(encoded(i)), columns, task, encoded)


def readable_arrays(
    name: str,
    recipe: str,
    ids: list[str],
    arrays: Sequence[Any],
    progress: Callable[[int, int], None],
    columns: Sequence[tuple[str, str, str]],
    task: str,
) -> Dataset:
    """The same of arrays, each (n, H, W) or (n, H, W, C) uint8, one after the other."""
    starts = np.cumsum([0, *map(len, arrays)])

    def image(i: int) -> np.ndarray:
        at = int(np.searchsorted(starts, i, side="right")) - 1
        pixels = np.array(arrays[at][i - starts[at]], order="C")
        return pixels if pixels.ndim == 3 else pixels[..., None]

    seen = []
    for i in range(len(ids)):
        seen.append(look_at_pixels(image(i)))
        progress(i + 1, len(ids))
    return readable_images(name, recipe, ids, seen, image, columns, task)


def _printable(path: str) -> str:
    return path.encode(errors="backslashreplace").decode()
