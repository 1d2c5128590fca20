from __future__ import annotations

import numpy as np

from embedkit.heads.problem import Prediction
from embedkit.oracle import cross_fitted

TRUTH, GROUPS = np.array([0, 1, 0, 1]), np.arange(4)  # the first half is rows 0 and 2, the second rows 1 and 3


def test_each_half_is_judged_on_what_the_other_half_chose() -> None:
    good_on_first, good_on_second = Prediction(np.array([0, 0, 0, 0])), Prediction(np.array([1, 1, 1, 1]))
    test, chosen = cross_fitted([good_on_first, good_on_second], TRUTH, GROUPS, "classification")
    assert chosen == (1, 0)
    assert test.values.tolist() == [1, 0, 1, 0]  # all wrong: the plain maximum would have said all right


def test_groups_are_not_divided() -> None:
    groups = np.array([7, 7, 9, 9])
    first, second = Prediction(np.array([0, 1, 1, 0])), Prediction(np.array([1, 0, 0, 1]))
    test, chosen = cross_fitted([first, second], TRUTH, groups, "classification")
    assert chosen == (1, 0)
    assert test.values.tolist() == [1, 0, 1, 0]


def test_probabilities_come_from_the_same_candidates() -> None:
    predictions = [
        Prediction(np.zeros(4, dtype=int), np.tile([0.9, 0.1], (4, 1))),
        Prediction(np.ones(4, dtype=int), np.tile([0.2, 0.8], (4, 1))),
    ]
    test, _ = cross_fitted(predictions, TRUTH, GROUPS, "classification")
    assert test.probabilities is not None
    np.testing.assert_array_equal(test.probabilities.argmax(axis=1), test.values)


def test_numbers_are_judged_by_squared_error() -> None:
    truth = np.array([0.0, 1.0, 10.0, 11.0])
    test, chosen = cross_fitted([Prediction(truth + 1), Prediction(truth - 3)], truth, GROUPS, "regression")
    assert chosen == (0, 0)
    np.testing.assert_array_equal(test.values, truth + 1)


def test_a_single_group_is_halved_by_rows() -> None:
    _, chosen = cross_fitted([Prediction(TRUTH), Prediction(1 - TRUTH)], TRUTH, np.zeros(4), "classification")
    assert chosen == (0, 0)


def test_where_one_candidate_has_no_probabilities_there_are_none() -> None:
    sure, unsure = Prediction(TRUTH), Prediction(TRUTH, np.full((4, 2), 0.5))
    test, _ = cross_fitted([unsure, sure], TRUTH, GROUPS, "classification")
    assert test.probabilities is None
