"""The quick run of ``tox -e bench``: what asv is asked for, and where results go."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import quick

    monkeypatch.setattr(quick, "introduce_machine", lambda: None)
    monkeypatch.setattr(quick, "edited", lambda: "")
    monkeypatch.setattr(quick, "git", lambda *arguments: "c0ffee")
    monkeypatch.setattr(quick, "MACHINE", "here")
    return quick


@pytest.fixture
def asked(quick: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """The commands that asv gets."""
    commands: list[tuple[str, ...]] = []
    monkeypatch.setattr(quick, "asv", lambda *arguments: commands.append(arguments) or 0)
    return commands


def test_the_suite_is_checked_and_then_run_under_the_commit_at_hand(
    quick: ModuleType, asked: list[tuple[str, ...]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert quick.main([]) == 0
    check, run = asked
    assert check == ("check", "--environment", "existing:same")
    assert run[:4] == ("run", "--environment", "existing:same", "--quick")
    assert " ".join(run).endswith(f"--machine here --set-commit-hash c0ffee --bench {quick.QUICK}")
    folder = BENCHMARKS.parent / "results" / "asv"
    assert capsys.readouterr().out == f"\nresults: {folder / 'here'}  (embedkit asv-table {folder})\n"


def test_what_was_edited_is_run_and_not_kept(
    quick: ModuleType,
    asked: list[tuple[str, ...]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(quick, "edited", lambda: "embedkit/api.py")
    assert quick.main(["--bench", "speed"]) == 0
    assert asked[1][-3:] == ("--dry-run", "--bench", "speed")
    assert capsys.readouterr().out == "\nnot kept, for there are uncommitted edits (embedkit/api.py)\n"


def test_a_suite_that_is_not_sound_is_not_run(quick: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    commands: list[str] = []
    monkeypatch.setattr(quick, "asv", lambda *arguments: commands.append(arguments[0]) or 1)
    assert quick.main([]) == 1
    assert commands == ["check"]


def test_what_takes_long_is_left_out_and_all_else_is_not(quick: ModuleType) -> None:
    for name in (
        "accuracy.Heads.track_error('svm', 'pixels', 5)",
        "accuracy_embeddings.track_reconstruction_error",
        "speed_heads.Fit.time_fit('forest', '50 x 64')",
        "memory.HeadBytes.track_pickled('svm')",
    ):
        assert re.search(quick.QUICK, name), name
    for name in (
        "accuracy.Heads.track_error('svm', 'autoencoder', 5)",
        "accuracy.Heads.track_error('extra_trees', 'pixels', 5)",
        "accuracy.Regressors.track_error('best')",
        "scaling.FitLabels.track_labels('svm')",
        "memory.Peak.track_sweep",
    ):
        assert not re.search(quick.QUICK, name), name
