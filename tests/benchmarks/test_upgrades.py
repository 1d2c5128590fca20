"""What `benchmarks/upgrades.py` says of accuracies under an older library."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pandas as pd
import pytest

pytest.importorskip("asv", reason="needs asv: pip install 'embedkit[bench]'")

NEWEST = {"torch": "2.15.0", "xgboost": "3.2.0"}
OLDER = SimpleNamespace(requirements=NEWEST | {"xgboost": "3.1.3"})


@pytest.fixture
def upgrades(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
    import upgrades

    return upgrades


@pytest.fixture
def changed(upgrades: ModuleType) -> Callable[[dict[str, float]], bool]:
    """Whether values under the older library are told to be otherwise than under the newest, where all are 1.25."""

    def report(older: dict[str, float]) -> bool:
        measured = {"older": older, "newest": dict.fromkeys(["svm", "forest", "xgboost"], 1.25)}
        rows = [
            {"benchmark": "accuracy.Heads", "params": f"head={head}", "environment": name, "value": value}
            for name, values in measured.items()
            for head, value in values.items()
        ]
        values = upgrades.values_by_environment(pd.DataFrame(rows), ["older", "newest"])
        return upgrades.report(OLDER, NEWEST, values["older"], values["newest"])

    return report


def test_an_upgrade_that_changes_an_answer_by_more_than_1_percent_is_told(
    changed: Callable[[dict[str, float]], bool], capsys: pytest.CaptureFixture[str]
) -> None:
    assert changed({"xgboost": 1.3, "forest": 1.252, "svm": 1.25})
    assert capsys.readouterr().out == (
        "\nxgboost 3.1.3 in place of 3.2.0: of 3 values 2 are otherwise, by up to 4.00%; 1 beyond 1.01\n"
        "  1.0400  accuracy.Heads(head=xgboost)\n"
    )


def test_an_upgrade_that_makes_answers_better_changed_them_too(changed: Callable[[dict[str, float]], bool]) -> None:
    assert changed({"xgboost": 1.2, "forest": 1.25, "svm": 1.25})


def test_what_fails_with_the_older_library_is_told(
    changed: Callable[[dict[str, float]], bool], capsys: pytest.CaptureFixture[str]
) -> None:
    assert changed({"xgboost": math.nan, "svm": 1.25})
    assert capsys.readouterr().out == (
        "\nxgboost 3.1.3 in place of 3.2.0: of 1 values 0 are otherwise; 0 beyond 1.01\n"
        "  failed  accuracy.Heads(head=forest)\n"
        "  failed  accuracy.Heads(head=xgboost)\n"
    )
    assert changed({})


def test_an_upgrade_that_changes_nothing(
    changed: Callable[[dict[str, float]], bool], capsys: pytest.CaptureFixture[str]
) -> None:
    assert not changed({"xgboost": 1.25, "forest": 1.25, "svm": 1.25})
    assert capsys.readouterr().out == (
        "\nxgboost 3.1.3 in place of 3.2.0: of 3 values 0 are otherwise; 0 beyond 1.01\n"
    )
