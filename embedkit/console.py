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
        from rich.console import Console as Terminal
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

        title_column = TextColumn("{task.description}", markup=False)
        left_column = TextColumn("{task.fields[left]}", markup=False)
        columns = (title_column, BarColumn(24), TaskProgressColumn(), TimeElapsedColumn(), left_column)
        left_of = _Left()
        # a terminal of its own: rich's common one stays what it was when some library first asked for it
        with Progress(*columns, console=Terminal(), transient=True) as progress:
            task = progress.add_task(title, total=total, left="")

            def advance(done: float, doing: str = "") -> None:
                left = left_of(done / total if total else 1)
                progress.update(task, completed=done, left=f"{left}{'  ' + doing if doing else ''}")

            yield advance

    def _lines(self, title: str, total: float) -> Advance:
        last, left_of = time.monotonic(), _Left()
        self.say(title)

        def advance(done: float, doing: str = "") -> None:
            nonlocal last
            now, share = time.monotonic(), done / total if total else 1
            left = left_of(share)
            if now - last < _SECONDS_BETWEEN_LINES:
                return
            last = now
            self.say(f"  {share:4.0%}  {left}{'  ' + doing if doing else ''}")

        return advance


class _Left:
    """The time left, judged by the pace since the first news: what came before may have taken longer, or no time."""

    def __init__(self) -> None:
        self._first: tuple[float, float] | None = None

    def __call__(self, share: float) -> str:
        now = time.monotonic()
        if self._first is None:
            self._first = share, now
        first_share, since = self._first
        return duration_left((share - first_share) / (1 - first_share), now - since) if first_share < 1 else ""


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
