"""Environments of asv that borrow the host's libraries."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

pytest.importorskip("asv", reason="needs asv: pip install 'embedkit[bench]'")
pytest.importorskip("virtualenv", reason="needs virtualenv: pip install 'embedkit[bench]'")

from asv.config import Config
from asv.util import UserError

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """An environment that is not made yet."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    monkeypatch.chdir(BENCHMARKS)
    from hostvenv import HostVenv

    configuration = Config.load("asv.conf.json")
    configuration.env_dir = str(tmp_path / "env")
    return lambda requirements: HostVenv(configuration, PYTHON, requirements, {})


def test_it_is_small_and_its_own_libraries_stand_before_those_of_the_host(environment: Any, tmp_path: Path) -> None:
    made = environment({})
    made._setup()
    (own,) = tmp_path.glob("env/*/lib/*/site-packages")
    (own / "embedkit.py").touch()
    code = "import importlib.util as u; print(*(u.find_spec(n).origin for n in ('numpy', 'torch', 'embedkit')))"
    found = made.run_executable("python", ["-I", "-c", code]).split()
    assert found == [np.__file__, torch.__file__, str(own / "embedkit.py")]
    size = sum(file.stat().st_size for file in tmp_path.rglob("*") if file.is_file() and not file.is_symlink())
    assert size < 40e6


def test_it_is_for_the_python_of_the_host(environment: Any) -> None:
    assert environment({}).name == f"hostvenv-py{PYTHON}"
    assert type(environment({})).matches(PYTHON)
    assert not type(environment({})).matches("2.7")


def test_it_takes_no_libraries_of_its_own(environment: Any) -> None:
    with pytest.raises(UserError, match=r"hostvenv takes the host's libraries, not torch: see asv.upgrades.conf.json"):
        environment({"torch": "2.15.0"})._setup()
