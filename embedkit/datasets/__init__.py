"""Where images come from. A new source is one function and one line in `DATASETS`; a named data set is one card."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from embedkit.datasets.bundled import bundled
from embedkit.datasets.dataset import Dataset
from embedkit.datasets.decode import SUFFIXES
from embedkit.datasets.downloads import data_folder
from embedkit.datasets.folder import folder
from embedkit.datasets.npz import npz
from embedkit.datasets.parquet import parquet
from embedkit.datasets.torchvision import to_download, torchvision
from embedkit.datasets.vectors import vectors
from embedkit.errors import EmbedkitError
from embedkit.spec import Spec, checked_params, did_you_mean, parse

DATASETS: dict[str, Callable[..., Dataset]] = {
    "bundled": bundled,
    "folder": folder,
    "npz": npz,
    "parquet": parquet,
    "torchvision": torchvision,
    "vectors": vectors,
}


def cards() -> dict[str, dict[str, Any]]:
    """The data set cards (``datasets/NAME.toml``), by name."""
    return {
        path.stem: tomllib.loads(path.read_text(encoding="utf-8")) for path in sorted(_card_folder().glob("*.toml"))
    }


def _card_folder() -> Path:
    package = Path(__file__).parent
    installed = package / "cards"
    return installed if installed.is_dir() else package.parents[1] / "datasets"


def dataset_spec(text: str, labels: str | None = None) -> Spec:
    """The spec that a user's words mean: a card's name, an existing folder, or a spec as written.

    Raises
    ------
    EmbedkitError
        Where it is none of these; the error lists what there is.
    """
    known = cards()
    if text in known:
        spec = Spec(text)
    elif source := _source(text):
        spec = Spec(source, (("path", text),))
    elif os.path.exists(text):  # noqa: PTH110
        raise EmbedkitError(
            f"{text!r} is a file; give a folder of images, a .parquet or .npz file, a study file (.toml), "
            'or vectors(path="x.npy", labels="y.csv")'
        )
    elif (os.sep in text or "." in text) and "(" not in text:
        raise EmbedkitError(f"no folder or file {text!r}; give an existing folder, or one of: {', '.join(known)}")
    else:
        spec = parse(text)
        members = {**known, **DATASETS}
        if spec.name not in members:
            raise EmbedkitError(
                f"no folder or data set {spec.name!r}{did_you_mean(spec.name, members)} "
                f"data sets: {', '.join(sorted(members))}"
            )
        checked_params(spec, DATASETS.get(spec.name, _no_parameters))
    if labels is None:
        return spec
    if spec.name != "folder":
        raise EmbedkitError(f"labels {labels!r} belong to a folder of images, and {spec} is none; leave --labels out")
    return spec.replace(labels=labels)


def _source(text: str) -> str:
    """The kind of source that an existing path, or the URL of Parquet files, is; or nothing."""
    if os.path.isdir(text):  # noqa: PTH112 -- False, not an error, for a spec that is too long for a path
        return "parquet" if _holds_parquet_only(text) else "folder"
    if text.endswith(".parquet") and (os.path.isfile(text) or "://" in text.split("(")[0]):  # noqa: PTH113
        return "parquet"
    return "npz" if text.endswith(".npz") and os.path.isfile(text) else ""  # noqa: PTH113


def _holds_parquet_only(path: str) -> bool:
    """Whether there are Parquet files in a folder and no images; looks no further than the first image."""
    found = False
    for _, below, files in os.walk(path):
        below[:] = [name for name in below if not name.startswith(".")]
        if any(name.lower().endswith(tuple(SUFFIXES)) for name in files):
            return False
        found = found or any(name.endswith(".parquet") for name in files)
    return found


def _no_parameters() -> None:
    """A card's name takes no parameters."""


def download_of(spec: Spec) -> str:
    """What `open_dataset` has to download, and where to; empty where nothing."""
    loader = _loader(spec)
    if loader.name != "torchvision":
        return ""
    megabytes = cards().get(spec.name, {}).get("download_mb")
    return to_download(**checked_params(loader, torchvision), megabytes=megabytes)


def _loader(spec: Spec) -> Spec:
    """How a data set is read; the path of a card is below ``EMBEDKIT_DATA``."""
    card = cards().get(spec.name)
    if not card:
        return spec
    loader = parse(card["loader"])
    path = dict(loader.params).get("path")
    return loader if path is None else loader.replace(path=str(data_folder() / path))


def open_dataset(
    spec: Spec, progress: Callable[[int, int], None] = lambda done, total: None, task: str = "auto"
) -> Dataset:
    """Read a data set's ids, labels and splits; images are decoded later, when they are asked for.

    Raises
    ------
    EmbedkitError
        Where it cannot be read, or its labels are not for this task.
    """
    card = cards().get(spec.name)
    loader = _loader(spec)
    path = dict(loader.params).get("path")
    if card and path and not Path(path).exists():
        raise EmbedkitError(
            f"{spec.name} is not in {path}: get it from {card['origin']} and put it there, or set EMBEDKIT_DATA to the "
            f"folder that holds {Path(path).name}/"
        )
    meant = card["task"] if card and task == "auto" else task
    dataset = DATASETS[loader.name](progress, meant, **checked_params(loader, DATASETS[loader.name]))
    if card:
        dataset = replace(dataset, name=spec.name)
    if meant not in ("auto", dataset.task):
        raise EmbedkitError(f"{dataset.name} is for {dataset.task}, not for {meant}; leave --task out")
    return dataset
