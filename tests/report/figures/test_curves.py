from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from embedkit import statistics
from embedkit.outcomes import read_outcomes, study_rows
from embedkit.report.figures.curves import curve_frame


def curves(folder: Path) -> pd.DataFrame:
    rows = study_rows(folder)
    return curve_frame(read_outcomes(folder, rows), rows)


def test_a_row_for_each_head_budget_and_score_in_percent(folder: Path) -> None:
    found = curves(folder).query("score == 'accuracy' and budget == '1'").set_index("head")
    assert found["estimate"].to_dict() == pytest.approx({"mlp": 40, "svm": 50, "forest": 20})
    assert found["labels"].tolist() == [1, 1, 1]
    assert found["family"].to_dict() == {"mlp": "fully connected", "svm": "SVM", "forest": "trees"}
    half = 100 * 1.959964 * (0.25 / 9) ** 0.5
    assert found.loc["svm", ["low", "high"]].tolist() == pytest.approx([50 - half, 50 + half], rel=1e-4)


def test_bands_end_where_the_score_does(folder: Path) -> None:
    found = curves(folder)
    assert found["high"].max() == 100
    assert found["low"].min() >= 0


def test_the_headline_score_is_marked(folder: Path) -> None:
    assert set(curves(folder).query("headline")["score"]) == {"accuracy"}


def test_scores_without_a_part_for_each_image_have_intervals_over_draws_only(folder: Path) -> None:
    rows = study_rows(folder)
    rows["brier"] = 0.5 + 0.1 * rows["repeat"].astype(float)
    found = curve_frame(read_outcomes(folder, rows), rows).query("score == 'brier' and budget == '5'")
    assert found["estimate"].tolist() == pytest.approx([0.6, 0.6, 0.6])
    assert (found["high"] - found["estimate"]).tolist() == pytest.approx([4.302653 * 0.1 / np.sqrt(3)] * 3, rel=1e-5)
    assert set(found["covers"]) == {"label draws only"}


def test_the_interval_of_macro_f1_covers_test_images(folder: Path) -> None:
    found = curves(folder).query("score == 'macro_f1' and budget == '5'").set_index("head")
    assert set(found["covers"]) == {"label draws and test images"}
    assert found.loc["forest", "estimate"] == pytest.approx(100 * (2 * 5 / (5 + 9) + 2 * 1 / (5 + 1)) / 2)
    (outcomes,) = read_outcomes(folder, study_rows(folder), score="macro_f1")
    half = statistics.interval(outcomes.at("5")["forest"], outcomes.images, None).half_width
    assert found.loc["forest", "high"] == pytest.approx(min(100, found.loc["forest", "estimate"] + 100 * half))


def test_errors_are_positive_and_have_no_upper_end(ages: Path) -> None:
    found = curves(ages).query("head == 'forest'")
    assert found["estimate"].tolist() == pytest.approx([10])
    assert found["score"].tolist() == ["mae"]
    assert found["labels"].tolist() == [10]
