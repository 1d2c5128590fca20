"""What an installed wheel holds, away from the checkout."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked wheel."""
    pytest.importorskip("hatchling", reason="hatchling builds the wheel")
    folder = tmp_path_factory.mktemp("wheel")
    build = f"from hatchling.build import build_wheel; print(build_wheel({str(folder)!r}))"
    name = subprocess.check_output([sys.executable, "-c", build], cwd=ROOT, text=True).split()[-1]
    zipfile.ZipFile(folder / name).extractall(folder / "site")
    return folder / "site"


def _python(code: str, installed: Path, cwd: Path) -> str:
    return subprocess.check_output(
        [sys.executable, "-P", "-c", code], cwd=cwd, env={"PYTHONPATH": str(installed)}, text=True
    )


def test_data_sets_are_listed_away_from_the_checkout(installed: Path, tmp_path: Path) -> None:
    code = "import embedkit, embedkit.datasets as d; print(embedkit.__file__, *d.cards())"
    file, *names = _python(code, installed, tmp_path).split()
    assert Path(file).is_relative_to(installed)
    assert names == [card.stem for card in sorted((ROOT / "datasets").glob("*.toml"))]


def test_the_built_in_study_and_the_page_are_there(installed: Path, tmp_path: Path) -> None:
    code = "from embedkit.study import read_study; print(read_study('default')['datasets'])"
    assert _python(code, installed, tmp_path).strip() == "['digits']"
    assert (installed / "embedkit" / "report" / "assets" / "page.html").exists()


def test_the_command_is_declared(installed: Path) -> None:
    (entry_points,) = installed.glob("*.dist-info/entry_points.txt")
    assert "embedkit = embedkit.__main__:run_and_end" in entry_points.read_text()


def test_the_references_are_there(installed: Path, tmp_path: Path) -> None:
    code = "from embedkit.side_by_side.references import _root; print(*(path.name for path in _root().iterdir()))"
    there = {path.name for path in (ROOT / "results" / "reference").iterdir() if path.is_dir()}
    assert set(_python(code, installed, tmp_path).split()) == there
