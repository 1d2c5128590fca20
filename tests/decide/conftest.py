from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from embedkit import cli

Embedkit = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Embedkit:
    """``run("list", "heads")`` is ``embedkit list heads`` in an empty folder: exit status, output, errors."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["embedkit", *arguments])
        monkeypatch.setenv("OMP_WAIT_POLICY", "PASSIVE")
        try:
            cli.main()
            status = 0
        except SystemExit as end:
            status = int(end.code or 0)
        return status, *capsys.readouterr()

    return call
