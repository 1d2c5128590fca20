from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

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


def test_scores_that_are_no_means_over_images_have_intervals_over_draws_only(folder: Path) -> None:
    rows = study_rows(folder)
    rows["macro_f1"] = 0.5 + 0.1 * rows["repeat"].astype(float)
    found = curve_frame(read_outcomes(folder, rows), rows).query("score == 'macro_f1' and budget == '5'")
    assert found["estimate"].tolist() == pytest.approx([60, 60, 60])
    assert (found["high"] - found["estimate"]).tolist() == pytest.approx([4.302653 * 10 / np.sqrt(3)] * 3, rel=1e-5)
    assert set(found["covers"]) == {"label draws only"}


def test_errors_are_positive_and_have_no_upper_end(ages: Path) -> None:
    found = curves(ages).query("head == 'forest'")
    assert found["estimate"].tolist() == pytest.approx([10])
    assert found["score"].tolist() == ["mae"]
    assert found["labels"].tolist() == [10]
