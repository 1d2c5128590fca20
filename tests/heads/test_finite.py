from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier as Plain
from sklearn.utils.estimator_checks import parametrize_with_checks

from embedkit.heads.decision_trees import (
    DecisionTreeClassifier,
    ExtraTreesRegressor,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
)
from embedkit.heads.finite import check_finite


@parametrize_with_checks(
    [
        DecisionTreeClassifier(),
        RandomForestClassifier(5),
        ExtraTreesRegressor(5),
        HistGradientBoostingRegressor(max_iter=5),
    ]
)
def test_it_keeps_the_contract_of_scikit_learn(estimator: Any, check: Any) -> None:
    check(estimator)


@pytest.mark.parametrize(
    ("X", "problem"),
    [
        (
            np.array([[0.0, 1.0], [0.0, np.nan], [np.inf, 0.0]]),
            "2 of 3 rows hold NaN or infinity as float64 (first: row 1)",
        ),
        (np.float32([[0], [-np.inf]]), "1 of 2 rows hold NaN or infinity as float32 (first: row 1)"),
    ],
)
def test_the_first_row_that_is_not_finite_is_named(X: np.ndarray, problem: str) -> None:
    with pytest.raises(ValueError, match=re.escape(problem)):
        check_finite(X)


def test_numbers_too_large_for_single_precision_are_named_too() -> None:
    with pytest.raises(ValueError, match=re.escape("as float32 (first: row 2)")):
        DecisionTreeClassifier().fit([[0.0], [1.0], [1e300]], [0, 1, 1])


def test_finite_rows_are_learnt_as_scikit_learn_does() -> None:
    X = np.random.default_rng(0).normal(size=(40, 5))
    y = np.arange(40) % 3
    ours, plain = (forest(9, random_state=0).fit(X, y) for forest in (RandomForestClassifier, Plain))
    np.testing.assert_array_equal(ours.predict_proba(X), plain.predict_proba(X))
    assert ours.get_params() == plain.get_params()
