"""asv with the configuration of this folder, without questions."""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
CONFIGURATION = HERE / "asv.conf.json"
MACHINE = platform.node()
"""The name that asv gives to a machine by itself."""
FAILURES = 2
"""asv's exit status where a benchmark failed."""
_BUILT_FROM = ("embedkit", "datasets", "results/reference", "pyproject.toml")


def asv(*arguments: str, given: str = "", quiet: bool = False) -> int:
    """Run a command of asv; returns its exit status."""
    command = [sys.executable, "-m", "asv", *arguments]
    output = subprocess.DEVNULL if quiet else None
    return subprocess.run(command, cwd=HERE, input=given, text=True, stdout=output, check=False).returncode


def introduce_machine() -> None:
    """Let asv look at this machine; else it asks."""
    asv("machine", "--yes", quiet=True)


def git(*arguments: str) -> str:
    """What git prints, or nothing where it fails."""
    command = ["git", *arguments]
    return subprocess.run(command, cwd=HERE.parent, capture_output=True, text=True, check=False).stdout.strip()


def edited() -> str:
    """A file that wheels are built from and that has uncommitted edits, or nothing."""
    return git("status", "--porcelain", "--", *_BUILT_FROM).partition("\n")[0].strip().partition(" ")[2].strip()
