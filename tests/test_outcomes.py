from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from embedkit import results
from embedkit.outcomes import family, fixed_head, read_outcomes, study_rows


def test_outcomes_are_repeats_by_images_for_every_head_and_budget(folder: Path) -> None:
    (outcomes,) = read_outcomes(folder, study_rows(folder))
    assert (outcomes.dataset, outcomes.backbone, outcomes.selection) == ("photos", "pixels", "cv")
    assert (outcomes.score, outcomes.budgets) == ("accuracy", ["1", "5"])
    assert outcomes.ids == [f"{i}.png" for i in range(10)]
    assert outcomes.images.truth.tolist() == [0] * 5 + [1] * 5
    at = outcomes.at("5")
    assert list(at) == ["mlp", "svm", "forest"]
    np.testing.assert_array_equal(at["forest"], np.tile([1] * 6 + [0] * 4, (3, 1)))
    assert outcomes.folds("5") is None


def test_outcomes_of_numbers_are_negative_absolute_errors(ages: Path) -> None:
    (outcomes,) = read_outcomes(ages, study_rows(ages))
    assert outcomes.score == "mae"
    np.testing.assert_allclose(outcomes.at("10")["mlp"], np.tile([-1.0, -3.0], (3, 5)))


def test_families_of_heads() -> None:
    assert [family(head) for head in ("linear", "mlp(steps=3)", "svm(C=1)", "knn(k=1)", "xgboost")] == [
        "fully connected", "fully connected", "SVM", "neighbours", "trees",
    ]  # fmt: skip


def test_budgets_say_how_many_labels_they_are_and_which_share_of_the_pool(folder: Path) -> None:
    (outcomes,) = read_outcomes(folder, study_rows(folder))
    assert outcomes.n_labeled == {"1": 2.0, "5": 10.0}
    assert outcomes.pool_share == {"1": 0.05, "5": 0.25}


def test_outcomes_of_macro_f1_have_it_as_their_mean(folder: Path) -> None:
    (outcomes,) = read_outcomes(folder, study_rows(folder), score="macro_f1")
    assert outcomes.score == "macro_f1"
    # of 5 and 5 images 6 right: all of the first class, one of the second
    assert outcomes.at("5")["forest"].mean() == pytest.approx((2 * 5 / (5 + 9) + 2 * 1 / (5 + 1)) / 2)


def test_confidences_are_kept_where_a_head_gives_them(folder: Path) -> None:
    with results.open_results(folder) as connection:
        for row, _, predictions in list(results.iterate_predictions(folder, {"head": "svm"})):
            sure = np.full(10, 0.75)
            results.write(
                connection, 1, [(row | {"selected": None, "scores": {}}, replace(predictions, confidence=sure))]
            )
    (outcomes,) = read_outcomes(folder, study_rows(folder))
    confidence = outcomes.measured["svm", "1"].confidence
    assert confidence is not None
    np.testing.assert_array_equal(confidence, np.full((3, 10), 0.75))
    assert outcomes.measured["mlp", "1"].confidence is None


@pytest.mark.parametrize(
    ("heads", "fixed"),
    [
        (["linear", "mlp(steps=3)", "svm"], "mlp(steps=3)"),
        (["svm", "linear", "linear(C=1)"], "linear"),
        (["svm", "finetune"], None),
    ],
)
def test_one_fully_connected_head_is_fixed_before_any_result(heads: list[str], fixed: str | None) -> None:
    assert fixed_head(heads) == fixed
