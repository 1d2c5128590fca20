"""An environment of asv that borrows torch and all other libraries from the Python that asv runs in.

Environment type "hostvenv" of ``asv.conf.json``: a virtual environment of a few MB, made offline. It holds the commit's
embedkit; whatever else is imported comes from the host's site-packages, by a .pth file. These stand behind the
environment's own, so that an embedkit in the host is not seen, and .pth files in the host are not read, so that an
editable one is not seen either.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from pathlib import Path

from asv import util
from asv.plugins.virtualenv import Virtualenv


class HostVenv(Virtualenv):
    """A virtual environment on top of the host's libraries."""

    tool_name = "hostvenv"

    @classmethod
    def matches(cls, python: str) -> bool:
        """Only the host's own version of Python can use its libraries."""
        return python == f"{sys.version_info.major}.{sys.version_info.minor}"

    def _setup(self) -> None:
        if self._requirements:
            asked = ", ".join(self._requirements)
            raise util.UserError(f"hostvenv takes the host's libraries, not {asked}: see asv.upgrades.conf.json")
        environment = {**os.environ, **self.build_env_vars}
        bare = ["--no-setuptools", "--no-download", "--no-periodic-update"]
        util.check_call(
            [sys.executable, "-m", "virtualenv", *bare, "--python", sys.executable, self._path], env=environment
        )
        where = self.run_executable("python", ["-c", "import sysconfig; print(sysconfig.get_path('purelib'))"])
        host = sorted({sysconfig.get_path(kind) for kind in ("purelib", "platlib")})
        (Path(where.strip()) / "host.pth").write_text("\n".join(host) + "\n")
