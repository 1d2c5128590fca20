"""Files of weights: read without running code, and checked against the network."""

from __future__ import annotations

import hashlib
import pickle
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from embedkit.datasets.downloads import data_folder
from embedkit.errors import EmbedkitError, counted


def weights_file(name: str, choices: str = '"default", "none" or a file') -> Path:
    """The weights file that a user names: as written, else in ``EMBEDKIT_DATA/weights``.

    Raises
    ------
    EmbedkitError
        Where there is none; `choices` says what may be written.
    """
    written, shared = Path(name), data_folder() / "weights" / name
    file = shared if shared.is_file() and not written.exists() else written
    try:
        file.open("rb").close()
    except OSError as error:
        raise EmbedkitError(f"cannot read the weights file {name!r}: {error.strerror}; weights are {choices}") from None
    return file


def file_sha256(file: Path) -> str:
    """Of a file's bytes, in hexadecimal."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def load_weights(module: nn.Module, name: str, path: Path, unused: str | None = None) -> None:
    """Load the state_dict of a file into a network; raises as `fitting_state` does."""
    wanted = module.state_dict()
    wanted.update(fitting_state(module, name, path, unused))
    module.load_state_dict(wanted)


def fitting_state(module: nn.Module, name: str, path: Path, unused: str | None = None) -> dict[str, torch.Tensor]:
    """What a file holds of what a network needs; the layer `unused` need not fit.

    Raises
    ------
    EmbedkitError
        Where the file is no state_dict, or keys are missing or of another shape: counted, the first named.
    """
    stored = read_state_dict(path)
    wanted = module.state_dict()
    needed = [key for key in wanted if not key.endswith("num_batches_tracked")]
    if unused is not None:
        needed = [key for key in needed if not key.startswith(f"{unused}.")]
    missing = [key for key in needed if key not in stored]
    if missing:
        raise EmbedkitError(
            f"weights file {path.name!r} does not fit {name}: {counted(len(missing), 'key')} missing "
            f"(first: {missing[0]!r})"
        )
    misshapen = [key for key in needed if stored[key].shape != wanted[key].shape]
    if misshapen:
        first = misshapen[0]
        raise EmbedkitError(
            f"weights file {path.name!r} does not fit {name}: {counted(len(misshapen), 'key has', 'keys have')} "
            f"another shape (first: {first!r} is {tuple(stored[first].shape)}, needed is {tuple(wanted[first].shape)})"
        )
    return {key: stored[key] for key in needed}


def read_state_dict(path: Path) -> Mapping[str, torch.Tensor]:
    """The tensors of a ``.safetensors`` or torch file, under the names that their layers have today.

    Raises
    ------
    EmbedkitError
        Where the file is empty or damaged, or holds anything but tensors.
    """
    size = path.stat().st_size
    if size == 0:
        raise EmbedkitError(f"weights file {path.name!r} is empty; download it, or save it, again")
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            stored: Any = load_file(path)
        else:
            stored = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        raise EmbedkitError(
            f"weights file {path.name!r} is damaged, or holds more than tensors and is not opened, since it could run "
            "code; save module.state_dict() and give that"
        ) from None
    except Exception:  # safetensors and torch raise many kinds for a damaged file
        raise EmbedkitError(
            f"weights file {path.name!r} is damaged or cut short ({size:,} bytes), or is none of torch or safetensors; "
            "download it, or save it, again"
        ) from None
    stored = stored.get("state_dict", stored) if isinstance(stored, dict) else stored
    if not isinstance(stored, dict) or not all(isinstance(value, torch.Tensor) for value in stored.values()):
        raise EmbedkitError(f"weights file {path.name!r} is no state_dict; save module.state_dict() and give that")
    return {todays_name(key.removeprefix("module.")): value for key, value in stored.items()}


def todays_name(key: str) -> str:
    """The files that torchvision offers for densenets and vision transformers name some layers as it did before."""
    key = re.sub(r"(denselayer\d+\.(?:norm|conv))\.([12]\.)", r"\1\2", key)
    return key.replace(".mlp.linear_1.", ".mlp.0.").replace(".mlp.linear_2.", ".mlp.3.")
