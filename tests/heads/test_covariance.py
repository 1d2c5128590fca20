from __future__ import annotations

import numpy as np
import pytest

from embedkit.heads.covariance import class_means, helmert, principal_axes, times_inverse


def test_means_are_those_of_the_classes_in_order() -> None:
    np.testing.assert_array_equal(class_means(np.array([[0.0], [4.0], [2.0]]), np.array([1, 0, 1])), [[4], [1]])


def test_contrasts_of_a_class_hold_its_scatter() -> None:
    rows = np.random.default_rng(0).normal(size=(7, 3)) + 100
    contrasts = helmert(rows)
    assert contrasts.shape == (6, 3)
    centred = rows - rows.mean(axis=0)
    np.testing.assert_allclose(contrasts.T @ contrasts, centred.T @ centred, rtol=1e-8, atol=1e-8)


def test_one_row_has_no_contrasts() -> None:
    assert helmert(np.ones((1, 3))).shape == (0, 3)


@pytest.mark.parametrize(("n", "r"), [(20, 6), (4, 4)])
def test_variances_along_the_axes_make_up_the_covariance(n: int, r: int) -> None:
    rows = np.random.default_rng(0).normal(size=(n, 6)) @ np.diag([5, 4, 3, 2, 1, 0])
    rows -= rows.mean(axis=0)
    variances, axes = principal_axes(helmert(rows), rows)
    assert axes.shape == (6, r)
    np.testing.assert_allclose(axes.T @ axes, np.eye(r), atol=1e-12)
    np.testing.assert_allclose(axes * variances @ axes.T, np.cov(rows.T), atol=1e-12)


def test_without_contrasts_nothing_varies() -> None:
    assert not principal_axes(np.empty((0, 3)), np.ones((2, 3)))[0].any()


@pytest.mark.parametrize(("m", "d"), [(0, 5), (3, 7), (7, 7), (20, 7)])
@pytest.mark.parametrize(("scatter", "identity"), [(0.3, 0.2), (0.0, 1.0), (1.0, 1e-4)])
def test_rows_are_multiplied_by_the_inverse_with_fewer_contrasts_than_features_too(
    m: int, d: int, scatter: float, identity: float
) -> None:
    rng = np.random.default_rng(0)
    contrasts, rows = rng.normal(size=(m, d)), rng.normal(size=(4, d))
    expected = rows @ np.linalg.inv(scatter * contrasts.T @ contrasts + identity * np.eye(d))
    np.testing.assert_allclose(times_inverse(rows, contrasts, scatter, identity), expected, rtol=1e-7, atol=1e-7)
