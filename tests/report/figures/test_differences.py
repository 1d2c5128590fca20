from __future__ import annotations

from pathlib import Path

import pytest

from embedkit.outcomes import read_outcomes, study_rows
from embedkit.report.figures.differences import difference_frame, reference_head


def test_heads_are_held_against_the_fully_connected_one_on_the_same_images(folder: Path) -> None:
    found = difference_frame(read_outcomes(folder, study_rows(folder))).query("score == 'accuracy'")
    assert set(found["reference"]) == {"mlp"}
    by = found.set_index(["head", "budget"])
    assert by["estimate"].to_dict() == pytest.approx(
        {("svm", "1"): 10, ("forest", "1"): -20, ("svm", "5"): 0, ("forest", "5"): -30}
    )
    low, high = by.loc[("svm", "5"), ["low", "high"]]
    assert low == pytest.approx(-high)
    assert high > 0  # equal on ten images is not equal on all
    assert by["told_apart"].to_dict() == {
        ("svm", "1"): False, ("forest", "1"): False, ("svm", "5"): False, ("forest", "5"): True,
    }  # fmt: skip


def test_of_errors_the_smaller_is_the_better(ages: Path) -> None:
    found = difference_frame(read_outcomes(ages, study_rows(ages))).set_index(["head", "budget"])
    assert found.loc[("svm", "10"), "estimate"] == pytest.approx(1.5)
    assert found.loc[("forest", "10"), "estimate"] == pytest.approx(-8)


@pytest.mark.parametrize(
    ("heads", "reference"),
    [(["linear", "mlp(hidden=[64])", "svm"], "mlp(hidden=[64])"), (["linear", "svm"], "linear"), (["svm"], None)],
)
def test_the_reference_is_mlp_else_the_first_that_is_fully_connected(heads: list[str], reference: str | None) -> None:
    assert reference_head(heads) == reference
