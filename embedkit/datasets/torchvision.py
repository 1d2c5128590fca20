"""Data sets that torchvision knows by name, read from its files.

Trust: torchvision checks the archives that it downloads against its own checksums. CIFAR comes as pickles, which could
run code: they are read only where each has the md5 that torchvision records; no other of these formats can run code.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from embedkit.datasets.dataset import Dataset
from embedkit.datasets.downloads import data_folder, fetch, is_absent
from embedkit.datasets.readable import readable_arrays, readable_files
from embedkit.datasets.scan import scan
from embedkit.datasets.torchvision_members import MEMBERS, Part
from embedkit.errors import EmbedkitError
from embedkit.spec import Spec, did_you_mean


def torchvision(
    progress: Callable[[int, int], None],
    task: str = "auto",
    *,
    name: str,
    root: str | None = None,
    variant: str | None = None,
) -> Dataset:
    """a data set of torchvision by its class's name; downloaded to EMBEDKIT_DATA, or to root if that is empty"""
    arguments = _arguments(name, variant)
    folder = _folder(name, root, variant)
    try:
        if is_absent(folder):
            fetch(folder, lambda staged: _open(name, staged, arguments, download=True))
        opened = _open(name, folder, arguments, download=False)
        parts = [part for split, one in opened for part in MEMBERS[name].read(split, one)]
    except ImportError as error:
        raise EmbedkitError(f"torchvision needs another package to read {name}: {error}") from None
    except Exception as error:  # no network, no space, a server's refusal, other files than torchvision's
        raise EmbedkitError(_problem(name, folder, error)) from None
    recipe = Spec("torchvision", (("name", name), *([("variant", variant)] if variant else [])))
    task = "classification" if task == "auto" else task
    return _dataset(name, str(recipe), folder, parts, progress, task)


def to_download(name: str, root: str | None = None, variant: str | None = None, megabytes: int | None = None) -> str:
    """What `torchvision` would download, and where to; empty where nothing."""
    _arguments(name, variant)
    folder = _folder(name, root, variant)
    size = f", {megabytes:,} MB" if megabytes else ""
    return f"{name}{size}, by torchvision, to {folder}" if is_absent(folder) else ""


def _arguments(name: str, variant: str | None) -> dict[str, dict[str, Any]]:
    """What to give torchvision, by split."""
    if name not in MEMBERS:
        raise EmbedkitError(
            f"torchvision: unknown name {name!r}{did_you_mean(name, MEMBERS)} names: {', '.join(MEMBERS)}"
        )
    member = MEMBERS[name]
    if variant is not None and variant not in member.variants:
        known = ", ".join(member.variants) or "none"
        raise EmbedkitError(
            f"torchvision: {name} has no variant {variant!r}{did_you_mean(variant, member.variants)} variants: {known}"
        )
    more = member.variants[variant or next(iter(member.variants))] if member.variants else {}
    return {split: {**arguments, **more} for split, arguments in member.parts.items()}


def _folder(name: str, root: str | None, variant: str | None) -> Path:
    own = data_folder() / (f"{name}-{variant}" if variant else name)
    return (Path(root) if root else own).absolute()


def _open(name: str, folder: Path, arguments: dict[str, dict[str, Any]], download: bool) -> list[tuple[str, Any]]:
    import inspect

    from torchvision import datasets

    build = getattr(datasets, name)
    can_download = name in ("EMNIST", "QMNIST") or "download" in inspect.signature(build).parameters
    if download and not can_download:
        raise RuntimeError("torchvision cannot download it: its licence or server does not allow that")
    download_option = {"download": download} if can_download else {}
    return [(split, build(root=str(folder), **part, **download_option)) for split, part in arguments.items()]


def _problem(name: str, folder: Path, error: Exception) -> str:
    reason = (str(getattr(error, "reason", error)).strip() or type(error).__name__).splitlines()[0]
    if is_absent(folder):
        return (
            f"{name} could not be downloaded ({reason}); where there is a network, download it by "
            f'torchvision.datasets.{name}, and give its folder here: torchvision(name="{name}", root="...")'
        )
    return (
        f"{str(folder)!r} does not hold {name} as torchvision expects it ({reason}); "
        "give the root that torchvision filled, or an empty folder to download to"
    )


def _dataset(
    name: str, recipe: str, folder: Path, parts: list[Part], progress: Callable[[int, int], None], task: str
) -> Dataset:
    placed = [(label, "", part.split) for part in parts for label in part.labels]
    if isinstance(parts[0].images, list):
        files = [Path(os.path.relpath(file, folder)).as_posix() for part in parts for file in part.images]
        seen = scan(folder, files, progress)
        return readable_files(name, recipe, files, seen, lambda i: (folder / files[i]).read_bytes(), placed, task)
    ids = [f"{part.split or 'all'}/{i:07d}" for part in parts for i in range(len(part.labels))]
    return readable_arrays(name, recipe, ids, [part.images for part in parts], progress, placed, task)
