"""Where the reference results are that come with embedkit."""

from __future__ import annotations

from pathlib import Path

from embedkit.errors import EmbedkitError
from embedkit.results import FILE

REFERENCE = "reference"
"""The word that stands for the reference of a study's name."""


def reference_folder(results: Path) -> Path:
    """The folder of the reference that has the name of a results folder.

    Raises
    ------
    EmbedkitError
        Where there is none; the error lists what there is.
    """
    name = (results if results.is_dir() else results.parent).resolve().name
    root = _root()
    if (root / name / FILE).is_file():
        return root / name
    there = sorted(file.parent.name for file in root.glob(f"*/{FILE}"))
    raise EmbedkitError(
        f"no reference is called {name!r}, like these results (embedkit run --name names them); "
        f"references: {', '.join(there) or 'none'}"
    )


def _root() -> Path:
    package = Path(__file__).parents[1]
    installed = package / "reference"
    return installed if installed.is_dir() else package.parent / "results" / "reference"
