"""A model in a folder: JSON, safetensors and skops, no pickle; each file with its sha256."""

from __future__ import annotations

import hashlib
import json
import secrets
import shutil
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from embedkit import artefacts
from embedkit.codecs import make_codec
from embedkit.decide.embedder import Embedder
from embedkit.decide.head_file import head_bytes, read_head
from embedkit.decide.model import Model
from embedkit.decide.network_files import same_vectors, stored_network
from embedkit.decide.training_images import TrainingImages
from embedkit.errors import EmbedkitError, listing
from embedkit.spec import parse_chain

FORMAT = 1
ABOUT, HEAD, CODECS, TRAINING, IDS = (
    "model.json",
    "head.skops",
    "codecs.safetensors",
    "training.safetensors",
    "training.json",
)
PACKAGES = ("embedkit", "numpy", "scikit-learn", "skops", "torch", "torchvision", "xgboost")


def check_new(folder: Path) -> None:
    """Raise an EmbedkitError where a model cannot be written there: something is there, or nothing above it."""
    if folder.exists():
        raise EmbedkitError(f"{folder} is there already; give another --out, or remove it")
    if not folder.resolve().parent.is_dir():
        raise EmbedkitError(f"--out {folder}: there is no folder {str(folder.parent)!r}; make it, or give another")


def write_model(model: Model, folder: Path) -> None:
    """Write a model into a new folder, which appears when all is written; raises as `Model.save` says."""
    check_new(folder)
    files = {
        HEAD: head_bytes(model.estimator),
        TRAINING: save({"directions": model.training.directions, "probe": model.about["backbone"]["probe"]}),
        IDS: json.dumps(model.training.ids).encode(),
        **model.network_files,
    }
    if any(model.learnt):
        arrays = {f"{place}.{name}": array for place, each in enumerate(model.learnt) for name, array in each.items()}
        files[CODECS] = save({name: np.ascontiguousarray(array) for name, array in arrays.items()})
    backbone = {name: value for name, value in model.about["backbone"].items() if name != "probe"}
    about = {
        "format": FORMAT,
        **model.about,
        "backbone": backbone,
        "far_from": model.training.far_from if np.isfinite(model.training.far_from) else None,
        "versions": _versions(),
        "sha256": {name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
    }
    temporary = folder.resolve().with_name(f".{folder.resolve().name}.{secrets.token_hex(4)}")
    try:
        temporary.mkdir()
        for name, content in files.items():
            artefacts.write_atomically(temporary / name, content)
        artefacts.write_atomically(temporary / ABOUT, json.dumps(about, indent=1).encode())
        temporary.rename(folder)
    except OSError as error:
        raise EmbedkitError(f"cannot write {folder}: {error.strerror or error}; give another --out") from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def load_model(folder: str | Path, *, trust_code: bool = False) -> Model:
    """Read a model that `Model.save` or ``embedkit fit`` wrote.

    Parameters
    ----------
    trust_code : bool
        Run the Python file of a model whose backbone is ``module(path=...)``.

    Raises
    ------
    EmbedkitError
        Where there is none, a file is missing or is not what was written, the format is another, or its network gives
        other vectors here.
    """
    folder = Path(folder)
    about = _about(folder)
    for name, sha256 in about["sha256"].items():
        if hashlib.sha256(_content(folder, name)).hexdigest() != sha256:
            raise _damaged(folder, f"{name} is not what was written")
    try:
        arrays = load(_content(folder, TRAINING))
        chain = make_codec(parse_chain(about["codec"]))
        learnt = _learnt(load(_content(folder, CODECS)) if CODECS in about["sha256"] else {}, len(chain.codecs))
        ids = json.loads(_content(folder, IDS))
        far_from = float("inf") if about["far_from"] is None else float(about["far_from"])
        training = TrainingImages(ids, arrays["directions"], far_from)
        backbone = about["backbone"]
        about["backbone"] = backbone | {"probe": arrays["probe"]}
        kind = backbone["precision"], tuple(backbone["input"]), backbone["channels"]
        if missing := {"name", "spec", "retrained", "shape", "of_vectors"} - set(backbone):
            raise KeyError(*missing)
    except (KeyError, TypeError, ValueError, SafetensorError) as error:
        raise _damaged(folder, f"{type(error).__name__}: {error}") from None
    estimator = read_head(folder / HEAD)
    network = stored_network(folder, backbone, trust_code)
    embedder = Embedder(network, chain.ready(learnt), *kind)
    if not same_vectors(embedder, arrays["probe"]):
        raise EmbedkitError(
            f"{folder}: the backbone {backbone['name']} gives other vectors here than where the model was fitted "
            f"({_versions_differ(about) or 'the same versions'}); fit the model again"
        )
    files = {name: _content(folder, name) for name in about["sha256"] if name.startswith("backbone.")}
    differ = _versions_differ(about)
    notices = (f"the model was fitted with other versions ({differ})",) if differ else ()
    return Model(about, estimator, embedder, training, learnt, files, notices)


def _about(folder: Path) -> dict[str, Any]:
    if not (folder / ABOUT).is_file():
        raise EmbedkitError(f"no model in {str(folder)!r}; give a folder that embedkit fit wrote")
    try:
        about = json.loads((folder / ABOUT).read_bytes())
        found, files = about["format"], about["sha256"]
    except (ValueError, KeyError, TypeError):
        raise _damaged(folder, f"{ABOUT} cannot be read") from None
    if found != FORMAT:
        raise EmbedkitError(
            f"{folder} has format version {found}; this embedkit reads {FORMAT}: fit the model again, or use embedkit "
            f"{about.get('versions', {}).get('embedkit', 'of the version that wrote it')}"
        )
    if not {HEAD, TRAINING, IDS} <= set(files) or not all(name == Path(name).name for name in files):
        raise _damaged(folder, f"{ABOUT} does not name its files")
    return about


def _content(folder: Path, name: str) -> bytes:
    try:
        return (folder / name).read_bytes()
    except OSError as error:
        raise _damaged(folder, f"{name}: {error.strerror or error}") from None


def _damaged(folder: Path, what: str) -> EmbedkitError:
    return EmbedkitError(f"the model in {folder} is damaged ({what}); fit it again, or copy the whole folder again")


def _learnt(arrays: dict[str, np.ndarray], n_codecs: int) -> list[dict[str, np.ndarray]]:
    learnt: list[dict[str, np.ndarray]] = [{} for _ in range(n_codecs)]
    for name, array in arrays.items():
        place, _, of = name.partition(".")
        learnt[int(place)][of] = array
    return learnt


def _versions() -> dict[str, str]:
    found = {name: _version(name) for name in PACKAGES}
    return {name: version for name, version in found.items() if version}


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def _versions_differ(about: dict[str, Any]) -> str:
    """Which packages have other versions here, as text."""
    here = _versions()
    there = about.get("versions", {})
    changed = [f"{name} {version}, here {here.get(name, 'none')}" for name, version in there.items()]
    return listing([text for text, name in zip(changed, there, strict=True) if there[name] != here.get(name)])
