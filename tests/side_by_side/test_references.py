from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from embedkit.errors import EmbedkitError
from embedkit.side_by_side import references
from embedkit.side_by_side.references import reference_folder


@pytest.fixture
def shipped(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout that ships one reference, called photos."""
    monkeypatch.setattr(references, "__file__", str(tmp_path / "embedkit" / "side_by_side" / "references.py"))
    return Path(shutil.copytree(folder, tmp_path / "results" / "reference" / "photos"))


def test_the_reference_has_the_name_of_the_results(shipped: Path, folder: Path) -> None:
    assert reference_folder(folder) == shipped
    assert reference_folder(folder / "results.sqlite") == shipped


def test_an_installed_package_holds_its_references(shipped: Path, folder: Path, tmp_path: Path) -> None:
    installed = Path(shutil.copytree(shipped, tmp_path / "embedkit" / "reference" / "photos"))
    assert reference_folder(folder) == installed


def test_a_name_without_reference_is_told_with_those_there_are(shipped: Path, tmp_path: Path) -> None:
    (tmp_path / "holiday").mkdir()
    told = "no reference is called 'holiday', like these results (embedkit run --name names them); references: photos"
    with pytest.raises(EmbedkitError, match=re.escape(told)):
        reference_folder(tmp_path / "holiday")
