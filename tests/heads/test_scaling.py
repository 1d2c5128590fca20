from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from embedkit.heads.scaling import ScalarScaler


@pytest.fixture
def rows() -> np.ndarray:
    return np.random.default_rng(0).normal([5, -3, 100], [1, 10, 0.1], size=(50, 3))


@parametrize_with_checks([ScalarScaler(), ScalarScaler("rows")])
def test_it_keeps_the_contract_of_scikit_learn(estimator: Any, check: Any) -> None:
    check(estimator)


def test_mean_and_scale_by_hand() -> None:
    scaler = ScalarScaler().fit([[0.0, 10.0], [4.0, 10.0]])
    np.testing.assert_array_equal(scaler.mean_, [2, 10])
    assert scaler.scale_ == np.sqrt(2)  # of the elements -2, 0, 2, 0


def test_fitted_rows_have_mean_zero_and_element_rms_one(rows: np.ndarray) -> None:
    scaled = ScalarScaler().fit_transform(rows)
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-12)
    assert np.sqrt(np.mean(scaled**2)) == pytest.approx(1)


def test_rows_may_have_rms_length_one_instead(rows: np.ndarray) -> None:
    scaled = ScalarScaler("rows").fit_transform(rows)
    assert np.sqrt(np.mean(np.sum(scaled**2, axis=1))) == pytest.approx(1)


def test_all_features_are_divided_by_the_same_number(rows: np.ndarray) -> None:
    ratio = rows.std(axis=0) / ScalarScaler().fit_transform(rows).std(axis=0)
    np.testing.assert_allclose(ratio, ratio[0])


def test_shift_and_scale_of_the_input_do_not_matter(rows: np.ndarray) -> None:
    moved = 1000 * rows + [7, -80, 900]
    np.testing.assert_allclose(ScalarScaler().fit_transform(moved), ScalarScaler().fit_transform(rows), atol=1e-9)


def test_new_rows_are_scaled_by_what_was_fitted() -> None:
    scaler = ScalarScaler().fit([[-1.0], [1.0]])
    np.testing.assert_array_equal(scaler.transform([[3.0]]), [[3.0]])


def test_equal_rows_are_not_blown_up_by_rounding() -> None:
    equal = np.full((3, 2), 0.1)  # whose mean is not exactly 0.1
    scaler = ScalarScaler().fit(equal)
    assert scaler.scale_ == 1
    np.testing.assert_allclose(scaler.transform(equal), 0, atol=1e-15)


def test_one_row_is_centred() -> None:
    np.testing.assert_array_equal(ScalarScaler().fit_transform([[3.0, 4.0]]), [[0, 0]])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_precision_of_the_input_is_kept(rows: np.ndarray, dtype: type) -> None:
    assert ScalarScaler().fit_transform(rows.astype(dtype)).dtype == dtype


def test_reach_makes_the_sum_of_all_features_that_of_512_whatever_the_width() -> None:
    X = np.random.default_rng(0).normal(size=(40, 8)) * 3 + 1
    scaled = ScalarScaler("reach").fit_transform(X)
    np.testing.assert_allclose(np.sqrt(np.mean(scaled**2)) * 8, 512)
