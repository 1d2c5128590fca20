"""What a user sees while work goes on: lines, and on a terminal a bar with the time left."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

_SECONDS_BETWEEN_LINES = 10


class Advance(Protocol):
    """Tell how much of a stage is done, and what is being done."""

    def __call__(self, done: float, doing: str = "") -> None: ...


class Console:
    """Prints to standard output, or, if quiet, nothing."""

    def __init__(self, quiet: bool = False) -> None:
        self.quiet = quiet

    def say(self, text: str = "") -> None:
        if not self.quiet:
            print(text, flush=True)

    @contextmanager
    def stage(self, title: str, total: float) -> Iterator[Advance]:
        """A piece of work of known size: how far it is, and how long it still takes."""
        if self.quiet:
            yield lambda done, doing="": None
        elif sys.stdout.isatty():
            with self._bar(title, total) as advance:
                yield advance
        else:
            yield self._lines(title, total)

    @contextmanager
    def _bar(self, title: str, total: float) -> Iterator[Advance]:
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

        title_column = TextColumn("{task.description}", markup=False)
        left_column = TextColumn("{task.fields[left]}", markup=False)
        columns = (title_column, BarColumn(24), TaskProgressColumn(), TimeElapsedColumn(), left_column)
        started = time.monotonic()
        with Progress(*columns, transient=True) as progress:
            task = progress.add_task(title, total=total, left="")

            def advance(done: float, doing: str = "") -> None:
                left = duration_left(done / total if total else 1, time.monotonic() - started)
                progress.update(task, completed=done, left=f"{left}{'  ' + doing if doing else ''}")

            yield advance

    def _lines(self, title: str, total: float) -> Advance:
        started = last = time.monotonic()
        self.say(title)

        def advance(done: float, doing: str = "") -> None:
            nonlocal last
            now = time.monotonic()
            if now - last < _SECONDS_BETWEEN_LINES:
                return
            last = now
            share = done / total if total else 1
            self.say(f"  {share:4.0%}  {duration_left(share, now - started)}{'  ' + doing if doing else ''}")

        return advance


def duration_left(share: float, elapsed_s: float) -> str:
    """``about 40 s left``, once enough is done to tell."""
    if share < 0.02 or elapsed_s < 1:
        return ""
    return f"about {duration(elapsed_s * (1 - share) / share)} left" if share < 1 else ""


def duration(seconds: float) -> str:
    """Seconds in words that a person reads at a glance."""
    if seconds < 100:
        return f"{max(seconds, 1):.0f} s"
    if seconds < 100 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
