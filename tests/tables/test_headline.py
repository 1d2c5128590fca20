from __future__ import annotations

from pathlib import Path

import pytest

from embedkit.errors import EmbedkitError
from embedkit.outcomes import read_outcomes, study_rows
from embedkit.tables.headline import estimates, usual_score


def test_the_usual_score_is_that_of_the_summary(folder: Path, ages: Path) -> None:
    assert usual_score(read_outcomes(folder, study_rows(folder))) == "accuracy"
    assert usual_score(read_outcomes(ages, study_rows(ages))) == "mae"


def test_data_sets_with_different_scores_need_one_to_be_named(folder: Path, ages: Path) -> None:
    both = [*read_outcomes(folder, study_rows(folder)), *read_outcomes(ages, study_rows(ages))]
    with pytest.raises(
        EmbedkitError, match=r"different scores \(photos: accuracy, ages: mean absolute error\); give one by --value"
    ):
        usual_score(both)


def test_another_headline_score_may_be_asked_for(folder: Path) -> None:
    forest = ("photos", "pixels", "float32", "cv", "forest", "5")
    for score, value in (("balanced_accuracy", 0.6), ("macro_f1", (10 / 14 + 2 / 6) / 2)):
        found = estimates(read_outcomes(folder, study_rows(folder), score))[forest]
        assert found.value == pytest.approx(value)
        assert found.low < found.value < found.high


def test_errors_are_positive_and_the_smallest_are_best(ages: Path) -> None:
    found = estimates(read_outcomes(ages, study_rows(ages)))
    svm, mlp = (found["ages", "pixels", "float32", "cv", head, "10"] for head in ("svm", "mlp"))
    assert (svm.value, svm.among_best) == (pytest.approx(0.5), True)
    assert (mlp.value, mlp.among_best) == (pytest.approx(2), False)
    assert svm.low < svm.value < svm.high
