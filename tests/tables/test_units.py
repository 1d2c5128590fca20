from __future__ import annotations

import math

import pandas as pd
import pytest

from embedkit.tables import units


@pytest.mark.parametrize(
    ("value", "largest", "unit"),
    [("accuracy", 0.9, "%"), ("fit_s", 0.5, "ms"), ("fit_s", 61.0, "s"), ("head_bytes", 5e4, "kB"),
     ("head_bytes", 4.5e7, "MB"), ("brier", 0.3, ""), ("mae", 5.0, "")],
)  # fmt: skip
def test_a_table_has_one_unit(value: str, largest: float, unit: str) -> None:
    assert units.scale(value, pd.Series([0.001, largest]))[1] == unit


@pytest.mark.parametrize(
    ("value", "estimate", "factor", "shown"),
    [("accuracy", 0.9, 100, "90.0"), ("fit_s", 0.0007123, 1e3, "0.712"), ("fit_s", 0.4680, 1e3, "468"),
     ("fit_s", 1234.5, 1, "1234"), ("brier", 0.25, 1, "0.250"), ("n_test", 360, 1, "360"), ("mae", 5.5, 1, "5.50")],
)  # fmt: skip
def test_numbers_without_interval(value: str, estimate: float, factor: float, shown: str) -> None:
    assert units.text(value, estimate, math.nan, math.nan, factor) == shown


def test_numbers_with_interval() -> None:
    assert units.text("accuracy", 0.5, 0.4, 0.6, 100) == "50.0 ±10.0"
    assert units.text("mae", 5.0, 4.5, 5.5, 1) == "5.00 ±0.50"


def test_titles_say_the_unit_and_which_way_is_better() -> None:
    assert units.title("balanced_accuracy", "%") == "balanced accuracy in %"
    assert units.title("brier", "") == "Brier score (lower is better)"
    assert units.title("n_test", "") == "n_test"
