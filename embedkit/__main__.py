"""The command ``embedkit``, in a process that ends at once."""

from __future__ import annotations

import atexit
import os
import signal
import sys
from contextlib import suppress
from typing import Any, NoReturn

from embedkit import engines
from embedkit.cli import main


def run_and_end() -> NoReturn:
    """Run a command and end the process: to take torch and the workers apart in order would take seconds more."""
    status: Any = 0
    try:
        main()
    except SystemExit as ended:
        status = ended.code or 0
    except KeyboardInterrupt:
        status = 130
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    engines.end_workers()
    atexit._run_exitfuncs()
    with suppress(BrokenPipeError):
        sys.stdout.flush()
    os._exit(status)


if __name__ == "__main__":
    run_and_end()
