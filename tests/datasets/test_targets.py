"""When labels are numbers to predict, and what is told where they are not."""

from __future__ import annotations

import numpy as np
import pytest

from embedkit.datasets.targets import are_whole_numbers, read_targets, task_of
from embedkit.errors import EmbedkitError

IDS = ("a.png", "b.png", "c.png")


@pytest.mark.parametrize(
    ("labels", "task"),
    [
        (["1.5", "2", ""], "regression"),
        (["-1e-3", "2", "+3"], "regression"),
        (["1.5", "2.5", "n/a"], "regression"),
        (["1", "2", "3"], "classification"),
        (["1.0", "2", "3e2"], "classification"),
        (["cat", "dog", ""], "classification"),
        (["cat", "1.5", ""], "classification"),
        (["v1.5", "1_0.5", "nan"], "classification"),
    ],
)
def test_labels_are_targets_where_they_are_numbers_that_are_not_all_whole(labels: list[str], task: str) -> None:
    assert task_of(labels) == task


@pytest.mark.parametrize(
    ("labels", "whole"), [(["1", "2.0", ""], True), (["1", "2.5"], False), (["1", "x"], False), (["1", "nan"], False)]
)
def test_whole_numbers_may_be_written_with_a_point(labels: list[str], whole: bool) -> None:
    assert are_whole_numbers(labels) is whole


def test_targets_are_float64_and_nan_where_a_label_is_empty() -> None:
    targets = read_targets("ages", IDS, ["30.25", "", "-4e1"])
    assert targets.dtype == np.float64
    np.testing.assert_array_equal(targets, [30.25, np.nan, -40])


@pytest.mark.parametrize("label", ["n/a", "nan", "inf", "-inf", "1e39", "3,5", "1_000"])
def test_the_first_label_that_is_no_finite_number_is_told_with_its_image(label: str) -> None:
    with pytest.raises(EmbedkitError) as told:
        read_targets("ages", IDS, ["30.5", label, "x"])
    assert str(told.value) == (
        f"ages: the label {label!r} of 'b.png' is no finite number; mend it, leave it empty, "
        "or use --task classification"
    )


def test_targets_that_are_all_equal_are_told() -> None:
    with pytest.raises(EmbedkitError) as told:
        read_targets("ages", IDS, ["2.50", "", "2.5"])
    assert str(told.value) == "ages: all labels are one number, 2.5; predicting numbers takes two"
