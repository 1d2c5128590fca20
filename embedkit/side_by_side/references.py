"""Where the reference results are that come with embedkit, and how their studies are asked for again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from embedkit.errors import EmbedkitError
from embedkit.results import FILE, load_runs
from embedkit.study import Study, make_study, read_study

REFERENCE = "reference"
"""The word that stands for the reference of a study's name."""
OUT = "results/verify"
PART = {
    "backbones": "some of the study's networks; default: all",
    "heads": "some of its heads; default: all",
    "budgets": "some of its budgets; default: all",
    "repeats": "how many of its label draws, from the first on; default: all",
    "jobs": "worker processes, one thread each; default: as in the reference",
    "device": "auto, cpu, cuda or cuda:N",
    "out": f"where the folder of the results is made; default: {OUT}",
}
"""The keys of a study that a rerun may change, and what they mean there."""


def reference_folder(results: Path) -> Path:
    """The folder of the reference that has the name of a results folder.

    Raises
    ------
    EmbedkitError
        Where there is none; the error lists what there is.
    """
    name = (results if results.is_dir() else results.parent).resolve().name
    there = _references()
    if name not in there:
        raise EmbedkitError(
            f"no reference is called {name!r}, like these results (embedkit run --name names them); "
            f"references: {', '.join(there) or 'none'}"
        )
    return there[name]


def reference_named(name: str) -> Path:
    """The folder of a reference, by its name or the beginning of it.

    Raises
    ------
    EmbedkitError
        Where no name, or several, begin so; the error lists what there is.
    """
    there = _references()
    meant = [name] if name in there else [each for each in there if name and each.startswith(name)]
    if not meant:
        raise EmbedkitError(f"no reference is called {name!r}; references: {', '.join(there) or 'none'}")
    if len(meant) > 1:
        raise EmbedkitError(f"{name!r} may be {' or '.join(meant)}; write one of them")
    return there[meant[0]]


def asked_again(name: str, keys: dict[str, Any]) -> Study:
    """The study of a reference, or the part of it that is asked for.

    On as many workers as there: networks are fine-tuned on as many threads, and another number of threads sums in
    another order.

    Raises
    ------
    EmbedkitError
        Where there is no such reference, or a key cannot be.
    """
    reference = reference_named(name)
    foreign = [key for key in keys if key not in PART]
    if foreign:
        raise EmbedkitError(f"{foreign[0]} is that of the reference; what may be chosen: {', '.join(PART)}")
    usual = {"out": OUT, "jobs": load_runs(reference)[-1]["study"]["jobs"]}
    return make_study(f"verify-reference {name}", **read_study(reference.name) | usual | keys)


def _references() -> dict[str, Path]:
    return {file.parent.name: file.parent for file in sorted(_root().glob(f"*/{FILE}"))}


def _root() -> Path:
    package = Path(__file__).parents[1]
    installed = package / "reference"
    return installed if installed.is_dir() else package.parent / "results" / "reference"
