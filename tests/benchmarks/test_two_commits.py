"""Two commits by ``tox -e asv``: what it refuses, and what it calls a regression."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

pytest.importorskip("asv", reason="needs asv: pip install 'embedkit[bench]'")

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
Judge = Callable[..., tuple[int, str, str]]


@pytest.fixture
def two_commits(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import two_commits

    return two_commits


@pytest.fixture
def judge(
    two_commits: ModuleType,
    asv_results: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Judge:
    """The script in a repository with two commits, whose results are there already; returns status, output, errors."""

    def git(*arguments: str) -> str:
        command = ["git", "-c", "user.name=a", "-c", "user.email=a@b.c", *arguments]
        return subprocess.check_output(command, cwd=tmp_path, text=True).strip()

    git("init", "--quiet")
    for name in ("old", "new"):
        git("commit", "--quiet", "--allow-empty", "--message", name)
        git("tag", name)
    benchmarks = tmp_path / "benchmarks"
    (benchmarks / "suite").mkdir(parents=True)
    settings = json.loads((BENCHMARKS / "asv.conf.json").read_text()) | {"results_dir": str(asv_results)}
    (benchmarks / "asv.conf.json").write_text(json.dumps(settings))
    for commit, name in (("a", "old"), ("b", "new")):
        file = asv_results / "here" / f"{commit * 8}-hostvenv-py3.11.json"
        found = json.loads(file.read_text()) | {"commit_hash": git("rev-parse", name)}
        file.with_name(f"{found['commit_hash'][:8]}-hostvenv-py3.11.json").write_text(json.dumps(found))
        file.unlink()
    monkeypatch.setattr("run_asv.HERE", benchmarks)
    monkeypatch.setattr("regressions.HERE", benchmarks)
    monkeypatch.setattr("regressions.MACHINE", "here")
    monkeypatch.setattr(two_commits, "introduce_machine", lambda: None)
    monkeypatch.setattr(two_commits, "asv", lambda *arguments, given: 0)
    monkeypatch.chdir(benchmarks)

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["two_commits.py", *arguments])
        try:
            status = two_commits.main()
        except SystemExit as end:
            status = int(end.code or 0)
        return status, *capsys.readouterr()

    return call


def change(folder: Path, benchmark: str, values: list[Any], day: int = 1) -> None:
    """Let the later of two commits, or the first on day 0, have measured something else."""
    for file in folder.glob("here/*-*.json"):
        found = json.loads(file.read_text())
        if (found["date"] > 0) == (day > 0):
            found["results"][benchmark][0] = values
            file.write_text(json.dumps(found))


def test_a_higher_error_is_a_regression(judge: Judge) -> None:
    status, out, _ = judge("old", "new")
    assert status == 1
    assert out.count("accuracy.Heads.track_error('svm', 1)") == 2
    assert out.endswith("new is worse than old in accuracy\n")


def test_only_what_is_worse_twice_is_a_regression(
    judge: Judge, asv_results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(asv_results, "speed.time_import", [0.5 * 1.6])
    asked = []

    def measure(*arguments: str, given: str) -> int:
        asked.append([arguments[place + 1] for place, word in enumerate(arguments) if word == "--bench"])
        if len(asked) == 2:
            change(asv_results, "speed.time_import", [0.5 * 1.4])
        return 0

    monkeypatch.setattr("two_commits.asv", measure)
    status, out, _ = judge("old", "new", "--bench", "speed")
    assert asked == [["speed"], [r"^speed\.time_import$"]]
    assert (status, out.count("speed.time_import")) == (0, 1)
    first, second = out.split("once more, what became worse:\n")
    assert "| +  " in first
    assert second.endswith("nothing changed\n\nnew is not worse than old\n")


def test_accuracy_and_time_have_factors_of_their_own(judge: Judge, asv_results: Path) -> None:
    change(asv_results, "accuracy.Heads.track_error", [1.5 * 1.009, 1.25, 1.5, None])
    change(asv_results, "speed.time_import", [0.5 * 1.49])
    status, out, _ = judge("old", "new")
    assert (status, out.count("nothing changed")) == (0, 2)
    assert out.endswith("new is not worse than old\n")
    change(asv_results, "speed.time_import", [0.5 * 1.51])
    assert judge("old", "new")[1].endswith("new is worse than old in time and memory\n")
    change(asv_results, "accuracy.Heads.track_error", [1.5 * 1.011, 1.25, 1.5, None])
    assert judge("old", "new")[1].endswith("new is worse than old in accuracy and time and memory\n")


def test_what_begins_to_fail_is_a_regression(judge: Judge, asv_results: Path) -> None:
    change(asv_results, "accuracy.Heads.track_error", [None, 1.25, 1.5, None])
    assert judge("old", "new")[0] == 1


def test_what_is_no_longer_measured_is_a_regression(judge: Judge, asv_results: Path) -> None:
    change(asv_results, "accuracy.Heads.track_error", [1.5, 1.25, 1.5, math.nan], day=0)
    change(asv_results, "accuracy.Heads.track_error", [1.5, math.nan, 1.5, 1.25])
    status, out, _ = judge("old", "new")
    assert status == 1
    assert re.search(r"^\| ! +\| +1\.25 \| failed +\| n/a +\| accuracy\.Heads\.track_error\('svm', 5\) ", out, re.M)
    assert "'lda'" not in out


def test_with_what_did_not_run_nothing_is_compared(judge: Judge, asv_results: Path) -> None:
    change(asv_results, "accuracy.Heads.track_error", [None] * 4, day=0)
    status, _, err = judge("old", "new")
    assert status == 2
    assert re.fullmatch(r"error: none of this ran on [0-9a-f]{8}: there is nothing to compare with\n", err)


def test_only_benchmarks_that_were_asked_for_are_judged(judge: Judge) -> None:
    assert judge("old", "new", "--bench", "speed")[0] == 0


def test_only_parameters_that_were_asked_for_are_judged(judge: Judge) -> None:
    assert judge("old", "new", "--bench", r"track_error\('svm', 1\)")[0] == 1
    assert judge("old", "new", "--bench", r"track_error\('lda'")[0] == 0


def test_a_failure_that_is_gone_is_no_change(judge: Judge, asv_results: Path) -> None:
    change(asv_results, "accuracy.Heads.track_error", [1.5, None, 1.5, None], day=0)
    change(asv_results, "accuracy.Heads.track_error", [1.5, 1.25, 1.5, None])
    status, out, _ = judge("old", "new", "--bench", "accuracy")
    assert (status, out.count("nothing changed")) == (0, 1)


def test_unknown_commits_are_told(judge: Judge) -> None:
    assert judge("old", "nwe") == (
        2, "", "error: there is no commit 'nwe' in this repository: give a hash, a tag or a branch\n"
    )  # fmt: skip


def test_a_commit_is_not_compared_with_itself(judge: Judge) -> None:
    status, _, err = judge("HEAD", "new")
    assert status == 2
    assert err.startswith("error: HEAD and new are the same commit, ")


def test_uncommitted_edits_of_the_package_are_not_passed_over(judge: Judge, tmp_path: Path) -> None:
    (tmp_path / "embedkit").mkdir()
    (tmp_path / "embedkit" / "api.py").touch()
    status, _, err = judge("old", "new")
    assert status == 2
    assert err == "error: uncommitted edits are not benchmarked (embedkit/): commit or stash them\n"


def test_without_measurements_there_is_no_verdict(judge: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("two_commits.asv", lambda *arguments, given: 1)
    status, _, err = judge("old", "new")
    assert (status, err) == (2, "error: asv could not measure these commits; the reason stands above\n")
