from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import vl_convert

from embedkit.outcomes import read_outcomes, study_rows
from embedkit.report.figures.curves import curve_frame
from embedkit.report.figures.pareto import cost_frame, on_front, pareto_panel
from embedkit.report.figures.style import head_styles


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


def named(heads: list[tuple[str, float, float]]) -> set[str]:
    """Which heads' names stand in the picture, by head, cost and estimate."""
    costs = pd.DataFrame(heads, columns=["head", "cost", "estimate"]).assign(
        low=lambda rows: rows["estimate"] - 0.02, high=lambda rows: rows["estimate"] + 0.02, family="linear"
    )
    front = on_front(costs["cost"].to_numpy(), costs["estimate"].to_numpy())
    panel = pareto_panel(costs.assign(on_front=front), head_styles(costs["head"]), "accuracy", legend=False)
    svg = vl_convert.vegalite_to_svg(panel.properties(width=260, height=260).to_dict())
    return {head for head, *_ in heads if f">{head}<" in svg}


def test_names_on_the_front_that_would_overlap_give_way_to_the_better_head() -> None:
    far = [("knn", 1.0, 0.5), ("ridge", 10.0, 0.6), ("svm", 100.0, 0.7), ("forest", 1000.0, 0.6)]
    assert named(far) == {"knn", "ridge", "svm"}
    assert named([*far, ("lda", 80.0, 0.697)]) == {"knn", "ridge", "svm"}
    assert named([*far, ("lda", 1.2, 0.697)]) == {"knn", "lda", "svm"}


def test_a_cost_that_one_of_several_heads_has_is_not_drawn(folder: Path) -> None:
    rows = study_rows(folder)
    rows.loc[rows["head"] == "svm", "select_s"] = 0.1
    curves = curve_frame(read_outcomes(folder, rows), rows)
    assert set(cost_frame(curves, rows)["measure"]) == {"fit", "predict", "size"}
    rows.loc[rows["head"] == "mlp", "select_s"] = 0.2
    assert set(cost_frame(curves, rows)["measure"]) == {"fit", "choose", "predict", "size"}


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
