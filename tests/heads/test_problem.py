from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from embedkit.heads import HEADS, all_params, make_head
from embedkit.heads.arrays import as_numpy
from embedkit.heads.problem import Block, Problem, Rows, predicted
from embedkit.heads.routes import plain_route, route_of
from embedkit.heads.scaling import ScalarScaler
from embedkit.spec import parse

DEVICES = ["cpu", "cpu:0", pytest.param("cuda", marks=pytest.mark.gpu)]
"""NumPy, torch on the CPU, torch on a GPU."""

KERNEL_HEADS = ["svm", "svm(C=0.5, gamma=2)", 'svm(kernel="poly")', 'svm(kernel="cosine", C=1)']


def data(offset: float = 3.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """60 labelled rows of four classes far from the origin, (60, 12); their classes; 40 more rows."""
    rng = np.random.default_rng(0)
    y = np.arange(60) % 4
    centres = rng.normal(size=(4, 12))
    X = centres[y] + rng.normal(size=(60, 12)) + offset
    return X, y, centres[np.arange(40) % 4] + rng.normal(size=(40, 12)) + offset


def problem(index: np.ndarray, task: Any = "classification", rows: Rows | None = None) -> Problem:
    X, y, _ = data()
    targets = y if task == "classification" else X @ np.arange(12.0)
    return Problem(rows or Rows(X), index, targets[index], task, 4, seed=5)


def params(spec: str) -> dict[str, Any]:
    return all_params(parse(spec))


@pytest.mark.parametrize("budget", [4, 20, 60])
@pytest.mark.parametrize("device", DEVICES)
def test_products_of_a_budget_follow_from_those_of_the_largest_by_double_centring(budget: int, device: str) -> None:
    X, _, X_test = data()
    rows, index = Rows(X, device), np.random.default_rng(1).permutation(60)[:budget]
    block = Block(problem(index, rows=rows))
    scaler = ScalarScaler("rows").fit(X[index])
    own, others = scaler.transform(X[index]), scaler.transform(X_test)
    products, squares = block.between(rows.queries(X_test))
    np.testing.assert_allclose(as_numpy(block.within), own @ own.T, atol=1e-12)
    np.testing.assert_allclose(as_numpy(block.squares), np.sum(own**2, axis=1), atol=1e-12)
    np.testing.assert_allclose(as_numpy(products), others @ own.T, atol=1e-12)
    np.testing.assert_allclose(as_numpy(squares), np.sum(others**2, axis=1), atol=1e-12)


@pytest.mark.parametrize("spec", KERNEL_HEADS)
@pytest.mark.parametrize("budget", [5, 16, 60])
@pytest.mark.parametrize("task", ["classification", "regression"])
@pytest.mark.parametrize("device", DEVICES)
def test_every_kernel_head_on_an_index_set_predicts_as_a_direct_fit(
    spec: str, budget: int, task: Any, device: str
) -> None:
    X, _, X_test = data()
    rows, index = Rows(X, device), np.arange(budget)
    here = problem(index, task, rows)
    direct = make_head(spec, 5, task).fit(here.X, here.y)
    (shared,) = route_of(HEADS["svm"])(here, [params(spec)])(rows.queries(X_test))
    np.testing.assert_allclose(shared.values, direct.predict(X_test), rtol=1e-2 if task == "regression" else 0)


@pytest.mark.parametrize("spec", KERNEL_HEADS)
def test_every_kernel_head_on_a_fold_predicts_as_a_direct_fit(spec: str) -> None:
    here = problem(np.arange(40))
    held_out = np.arange(40) % 5 == 0
    part = here.part(~held_out)
    (shared,) = route_of(HEADS["svm"])(part, [params(spec)])(here.rows.at(here.index[held_out]))
    direct = make_head(spec, 5).fit(here.X[~held_out], here.y[~held_out])
    np.testing.assert_array_equal(shared.values, direct.predict(here.X[held_out]))


def test_a_common_offset_costs_no_digits() -> None:
    near, far = (Rows(data(0.0)[0] + offset) for offset in (0.0, 1e6))
    first, second = (Block(problem(np.arange(30), rows=rows)) for rows in (near, far))
    np.testing.assert_allclose(second.within, first.within, atol=1e-8)


def test_rows_that_are_all_equal_are_scaled_by_one() -> None:
    rows = Rows(np.full((6, 3), 0.1))
    block = Block(Problem(rows, np.arange(6), np.arange(6) % 2, "classification", 2, 0))
    np.testing.assert_allclose(block.within, 0, atol=1e-15)


@pytest.mark.parametrize(
    ("name", "candidates"),
    [
        ("knn", ["knn(k=1)", "knn(k=4)", "knn(k=500)", 'knn(k=3, weights="softmax")', 'knn(k=2, metric="manhattan")']),
        ("xgboost", ["xgboost(trees=3)", "xgboost(trees=8)", "xgboost(trees=8, max_depth=1)"]),
        ("svm", KERNEL_HEADS),
    ],
)
@pytest.mark.parametrize("task", ["classification", "regression"])
def test_a_route_for_many_candidates_says_what_each_alone_says(name: str, candidates: list[str], task: Any) -> None:
    here, (_, _, X_test) = problem(np.arange(48), task), data()
    together = route_of(HEADS[name])(here, [params(spec) for spec in candidates])
    for spec, found in zip(candidates, together(here.rows.queries(X_test)), strict=True):
        (alone,) = plain_route(HEADS[name])(here, [params(spec)])(here.rows.queries(X_test))
        np.testing.assert_allclose(found.values, alone.values, rtol=1e-2 if name == "svm" else 1e-6, err_msg=spec)
        if alone.probabilities is not None:
            np.testing.assert_allclose(found.probabilities, alone.probabilities, rtol=1e-5)


def test_coordinates_in_the_span_keep_all_products() -> None:
    X = np.random.default_rng(0).normal(size=(9, 40)) + 2
    here = Problem(Rows(X), np.arange(3, 9), np.arange(6) % 2, "classification", 2, 0)
    turned = here.in_span()
    assert turned.X.shape == (6, 6)
    np.testing.assert_allclose(turned.X @ turned.X.T, X[3:] @ X[3:].T, atol=1e-12)


@pytest.mark.parametrize("name", [name for name, head in HEADS.items() if head.turnable])
def test_heads_called_turnable_predict_the_same_in_coordinates_of_the_span(name: str) -> None:
    rng = np.random.default_rng(0)
    y = np.arange(24) % 3
    X = rng.normal(size=(3, 60))[y] + rng.normal(size=(24, 60)) + 1
    here = Problem(Rows(X), np.arange(24), y, "classification", 3, 0)
    first, held_out = np.arange(24) < 18, np.arange(18, 24)
    straight, turned = (
        plain_route(HEADS[name])(p.part(first), [params(name)])(p.rows.at(held_out))[0] for p in (here, here.in_span())
    )
    np.testing.assert_array_equal(turned.values, straight.values)


def test_classes_that_a_draw_lacks_get_no_probability() -> None:
    _, y, X_test = data()
    here = problem(np.flatnonzero(y != 1))
    found = predicted(make_head("lda").fit(here.X, here.y), X_test, here)
    assert found.probabilities is not None
    assert found.probabilities.shape == (40, 4)
    assert not found.probabilities[:, 1].any()
    assert 1 not in found.values
