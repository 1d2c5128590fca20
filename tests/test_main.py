from __future__ import annotations

import atexit
import os
import signal
import subprocess
import sys

import pytest

from embedkit import __main__, engines


@pytest.mark.parametrize(("ends", "status"), [(None, 0), (SystemExit(2), 2), (KeyboardInterrupt(), 130)])
def test_a_command_ends_with_its_status_and_its_workers_at_once(
    ends: BaseException | None, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def command() -> None:
        if ends is not None:
            raise ends

    told: list[object] = []
    monkeypatch.setattr(__main__, "main", command)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(engines, "end_workers", lambda: told.append("workers"))
    monkeypatch.setattr(atexit, "_run_exitfuncs", lambda: told.append("handlers"))
    monkeypatch.setattr(os, "_exit", told.append)
    __main__.run_and_end()
    assert told == ["workers", "handlers", status]


def test_what_is_printed_arrives_before_the_end() -> None:
    listed = subprocess.run([sys.executable, "-m", "embedkit", "list", "codecs"], capture_output=True, text=True)
    assert (listed.returncode, listed.stderr) == (0, "")
    assert listed.stdout.splitlines()[-1].startswith("  whiten(dim=64): ")
