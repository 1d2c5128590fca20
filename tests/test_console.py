"""Lines where nobody watches, a bar on a terminal, nothing where quiet was asked for."""

from __future__ import annotations

import io
import sys
from types import SimpleNamespace

import pytest
import rich
import rich.console

from embedkit import console
from embedkit.console import Console, duration, duration_left


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A clock that stands still until a test sets ``now``."""
    clock = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(console, "time", SimpleNamespace(monotonic=lambda: clock.now))
    return clock


def test_says_lines(capsys: pytest.CaptureFixture[str]) -> None:
    Console().say("a [b] c")
    Console().say()
    assert capsys.readouterr().out == "a [b] c\n\n"


def test_a_quiet_console_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    quiet = Console(quiet=True)
    quiet.say("a")
    with quiet.stage("training", 10) as advance:
        advance(5, "epoch 3")
    assert capsys.readouterr() == ("", "")


def test_a_stage_away_from_a_terminal_tells_every_ten_seconds(
    clock: SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    with Console().stage("embedding photos", 200) as advance:
        for done, clock.now in ((10, 1001), (50, 1010), (60, 1019), (100, 1020), (150, 1030)):
            advance(done, f"{done} images")
        clock.now = 1040
        advance(200)
    assert capsys.readouterr().out.splitlines() == [
        "embedding photos",
        "   25%  about 34 s left  50 images",
        "   50%  about 21 s left  100 images",
        "   75%  about 10 s left  150 images",
        "  100%  ",
    ]


def test_a_stage_without_work_is_done_at_once(clock: SimpleNamespace, capsys: pytest.CaptureFixture[str]) -> None:
    with Console().stage("nothing", 0) as advance:
        clock.now += 10
        advance(0)
    assert capsys.readouterr().out == "nothing\n  100%  \n"


def test_a_stage_on_a_terminal_is_a_bar_that_shows_names_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(sys, "stdout", terminal)
    with Console().stage("embedding [/old] photos", 4) as advance:
        advance(2, "vote(heads=[svm, knn])")
        sys.stdout.write("a line meanwhile\n")
    shown = terminal.getvalue()
    assert "embedding [/old] photos" in shown
    assert "50%" in shown
    assert "vote(heads=[svm, knn])" in shown
    assert "a line meanwhile" in shown


def test_the_bar_is_there_whatever_other_libraries_did_to_rich_before(monkeypatch: pytest.MonkeyPatch) -> None:
    silent = rich.console.Console(file=io.StringIO())
    monkeypatch.setattr(rich, "_console", silent)
    terminal = Terminal()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stdout", terminal)
    with Console().stage("embedding photos", 4) as advance:
        advance(2)
    assert "embedding photos" in terminal.getvalue()
    assert silent.file.getvalue() == ""  # type: ignore[attr-defined]


def test_an_error_in_a_stage_comes_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", Terminal())
    with pytest.raises(ZeroDivisionError), Console().stage("dividing", 1):
        _ = 1 / 0


@pytest.mark.parametrize(
    ("share", "elapsed_s", "told"),
    [
        (0.5, 40, "about 40 s left"),
        (0.25, 60, "about 3 min left"),
        (0.02, 600, "about 8.2 h left"),
        (0.99, 10, "about 1 s left"),
        (0.019, 600, ""),
        (0.5, 0.9, ""),
        (1, 40, ""),
        (1.2, 40, ""),
        (0, 40, ""),
    ],
)
def test_the_time_left_is_told_once_it_can_be_told(share: float, elapsed_s: float, told: str) -> None:
    assert duration_left(share, elapsed_s) == told


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0, "1 s"), (0.2, "1 s"), (1.4, "1 s"), (99, "99 s"), (100, "2 min"), (5999, "100 min"), (6000, "1.7 h")],
)
def test_a_duration_is_told_in_the_unit_that_is_read_at_a_glance(seconds: float, told: str) -> None:
    assert duration(seconds) == told
