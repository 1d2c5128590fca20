"""How long a finished study takes: to find that all is done, to be read, and to become a report."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from . import finished_study, pinned

REPEATS = {"10000 trials": 250, "400 trials": 10}


def setup_cache() -> dict[str, dict[str, Any]]:
    """Two finished studies: what they were asked with."""
    asked = {}
    for name, repeats in REPEATS.items():
        folder = Path.cwd() / name
        folder.mkdir()
        asked[name] = finished_study.study_keys(folder, repeats)
        finished_study.finish(asked[name])
    return asked


setup_cache.timeout = 300  # type: ignore[attr-defined]


class Finished:
    """A study of which nothing is left to do; seconds are those of the processor: a busy disk does not count."""

    version = "1"
    timeout = 300
    timer = time.process_time
    number, repeat, rounds, warmup_time = 1, (4, 8, 4.0), 2, 0

    def setup(self, asked: dict[str, dict[str, Any]]) -> None:
        import embedkit
        from embedkit.report.page import write_report
        from embedkit.report.summary import summarise

        self.store = pinned.Store()
        self.run, self.load_results = embedkit.run, embedkit.load_results
        self.summarise, self.write_report = summarise, write_report

    def teardown(self, asked: dict[str, dict[str, Any]]) -> None:
        self.store.close()

    def time_resume_10000_trials(self, asked: dict[str, dict[str, Any]]) -> None:
        """Open the data, make the plan, find every trial settled, and read the rows."""
        assert len(self.run(**asked["10000 trials"])) == 10_000

    def time_read_10000_rows(self, asked: dict[str, dict[str, Any]]) -> None:
        self.load_results(_folder(asked["10000 trials"]))

    def time_report_of_400_trials(self, asked: dict[str, dict[str, Any]]) -> None:
        """Scores with intervals, and the page."""
        folder = _folder(asked["400 trials"])
        rows = self.load_results(folder)
        self.write_report(folder, self.summarise(folder, "auto", list(rows["key"])))


def _folder(keys: dict[str, Any]) -> Path:
    return Path(keys["out"]) / keys["name"]
