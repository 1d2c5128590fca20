"""What `benchmarks/upgrades.py` says of accuracies under an older library."""

from __future__ import annotations

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


def ratios(upgrades: ModuleType, older: dict[str, float]) -> pd.Series:
    """Of values under the older library to values that are all 1.25, of which one is missing."""
    rows = pd.DataFrame(
        [
            {"benchmark": "accuracy.Heads", "params": f"head={head}", "environment": name, "value": value}
            for name, values in (("old", older), ("new", dict.fromkeys([*older, "centroid"], 1.25)))
            for head, value in values.items()
        ]
    )
    values = upgrades.values_by_environment(rows)
    return values["old"] / values["new"]


def test_an_upgrade_that_changes_an_answer_by_more_than_1_percent_is_told(
    upgrades: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    assert upgrades.report(OLDER, NEWEST, ratios(upgrades, {"xgboost": 1.3, "forest": 1.252, "svm": 1.25}))
    assert capsys.readouterr().out == (
        "\nxgboost 3.1.3 in place of 3.2.0: of 3 values 2 are otherwise, by up to 4.00%; 1 beyond 1.01\n"
        "  1.0400  accuracy.Heads(head=xgboost)\n"
    )


def test_an_upgrade_that_makes_answers_better_changed_them_too(upgrades: ModuleType) -> None:
    assert upgrades.report(OLDER, NEWEST, ratios(upgrades, {"xgboost": 1.2}))


def test_an_upgrade_that_changes_nothing(upgrades: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert not upgrades.report(OLDER, NEWEST, ratios(upgrades, {"xgboost": 1.25, "svm": 1.25}))
    assert capsys.readouterr().out == (
        "\nxgboost 3.1.3 in place of 3.2.0: of 2 values 0 are otherwise; 0 beyond 1.01\n"
    )
