from __future__ import annotations

from pathlib import Path

import numpy as np

from embedkit.outcomes import family, read_outcomes, study_rows


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
