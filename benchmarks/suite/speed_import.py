"""How long a new process takes until embedkit is there."""

from __future__ import annotations


class Import:
    """In a process of its own."""

    version = "1"
    timeout = 60
    number, repeat, rounds, warmup_time = 1, (4, 8, 4.0), 2, 0

    def timeraw_package(self) -> str:
        return "import embedkit"

    def timeraw_command_line(self) -> str:
        return "import embedkit.cli"

    def timeraw_study(self) -> str:
        """All that a run loads, torch among it."""
        return "import embedkit.api, embedkit.experiment, embedkit.plan"
