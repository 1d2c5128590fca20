from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from embedkit.outcomes import read_outcomes, study_rows
from embedkit.report.figures.curves import curve_frame
from embedkit.report.figures.pareto import cost_frame, on_front


def test_the_front_holds_what_nothing_beats_in_both() -> None:
    cost = np.array([1.0, 2.0, 2.0, 3.0, 4.0])
    better = np.array([5.0, 7.0, 6.0, 7.0, 9.0])
    assert on_front(cost, better).tolist() == [True, True, False, False, True]


def test_equals_are_on_the_front_together() -> None:
    assert on_front(np.array([1.0, 1.0]), np.array([2.0, 2.0])).tolist() == [True, True]


def test_costs_are_those_of_the_largest_budget_in_their_units(folder: Path) -> None:
    rows = study_rows(folder)
    rows.loc[rows["head"] == "svm", "fit_s"] = 0.001
    costs = cost_frame(curve_frame(read_outcomes(folder, rows), rows), rows).query("score == 'accuracy'")
    assert set(costs["budget"]) == {"5"}
    assert set(costs["measure"]) == {"fit", "predict", "size"}
    by = costs.set_index(["measure", "head"])
    assert by["cost"].to_dict() == pytest.approx(
        {
            ("fit", "mlp"): 12.5, ("fit", "svm"): 1.0, ("fit", "forest"): 12.5,
            ("predict", "mlp"): 200, ("predict", "svm"): 200, ("predict", "forest"): 200,
            ("size", "mlp"): 12.345, ("size", "svm"): 12.345, ("size", "forest"): 12.345,
        }
    )  # fmt: skip
    assert by.loc["fit", "on_front"].to_dict() == {"mlp": False, "svm": True, "forest": False}


def test_of_errors_the_smallest_are_on_the_front(ages: Path) -> None:
    rows = study_rows(ages)
    costs = cost_frame(curve_frame(read_outcomes(ages, rows), rows), rows).query("measure == 'fit'")
    assert costs.set_index("head")["on_front"].to_dict() == {"mlp": True, "svm": False}


def test_without_timed_trials_there_are_no_costs(folder: Path) -> None:
    rows = study_rows(folder).assign(timing=None)
    assert cost_frame(curve_frame(read_outcomes(folder, rows), rows), rows).empty


def test_the_best_embedding_of_each_data_set_stands_last(folder: Path) -> None:
    rows = study_rows(folder)
    curves = curve_frame(read_outcomes(folder, rows), rows)
    other = curves.assign(dataset="pets")
    order = [("photos", "pixels"), ("photos", "b"), ("pets", "b"), ("pets", "pixels")]
    both = pd.concat([{"photos": curves, "pets": other}[data].assign(embedding=label) for data, label in order])
    timed = pd.concat([rows.assign(dataset=data, backbone=label) for data, label in order])
    found = cost_frame(both, timed)
    assert list(dict.fromkeys(zip(found["dataset"], found["embedding"], strict=True))) == order
