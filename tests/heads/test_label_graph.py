"""Label spreading and propagation, against their definitions and scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.datasets import make_moons
from sklearn.utils.estimator_checks import parametrize_with_checks

from embedkit.heads import HEADS, all_params, make_head
from embedkit.heads.label_graph import LEAK, LabelPropagation, LabelSpreading
from embedkit.heads.pool import Pool
from embedkit.heads.problem import Problem, Rows
from embedkit.heads.routes import route_of
from embedkit.spec import parse

BOTH = ["label_spreading", "label_propagation"]


@parametrize_with_checks([LabelSpreading(), LabelPropagation()])
def test_it_keeps_the_contract_of_scikit_learn(estimator: Any, check: Any) -> None:
    check(estimator)


def moons() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two interleaved half circles (300, 2), what they are, and two labels of each with -1 for the others."""
    X, y = make_moons(300, noise=0.05, random_state=0)
    shown = np.full(300, -1)
    for c in (0, 1):
        chosen = np.flatnonzero(y == c)[:2]
        shown[chosen] = c
    return X.astype(np.float32), y, shown


@pytest.mark.parametrize("head", BOTH)
def test_labels_follow_the_shape_of_the_pool(head: str) -> None:
    X, y, shown = moons()
    fitted = make_head(f'{head}(metric="euclidean")').fit(X, shown)
    np.testing.assert_array_equal(fitted.classes_, [0, 1])
    assert fitted.score(X, y) > 0.98
    new, truth = make_moons(200, noise=0.05, random_state=1)
    assert fitted.score(new, truth) > 0.98
    assert make_head("svm").fit(X[shown >= 0], shown[shown >= 0]).score(new, truth) < 0.9


def test_spreading_ends_where_its_equation_says() -> None:
    X = np.random.default_rng(0).normal(size=(300, 3))
    shown = np.where(np.arange(300) < 20, np.arange(300) % 2, -1)
    fitted = LabelSpreading(8, 0.8, class_mass=False).fit(X, shown)
    ended = np.linalg.solve(np.eye(300) - 0.8 * fitted._graph.flow.toarray(), np.eye(3)[shown][:, :2])
    np.testing.assert_allclose(fitted.label_distributions_, ended / ended.sum(axis=1, keepdims=True), atol=0.01)


def test_propagation_gives_rows_the_mean_of_their_neighbours_and_labels_stand_firm() -> None:
    X, _, shown = moons()
    fitted = LabelPropagation(5, metric="euclidean", class_mass=False).fit(X, shown)
    weights = fitted._graph._weights.toarray()
    had, free = fitted.label_distributions_, shown < 0
    np.testing.assert_array_equal(had[~free], np.eye(2)[shown[~free]])
    means = weights @ had / weights.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(had[free], means[free], atol=20 * LEAK)


def test_class_mass_gives_every_class_its_share_of_the_labels() -> None:
    X, _, shown = moons()
    with_mass, without = (LabelPropagation(class_mass=each).fit(X, shown) for each in (True, False))
    off = [abs(each.label_distributions_.mean(axis=0)[0] - 0.5) for each in (with_mass, without)]
    assert off[0] < off[1]


def test_rows_that_no_label_reaches_have_the_shares_of_the_labels() -> None:
    near, far = np.random.default_rng(0).normal(size=(2, 20, 2))
    X, y = np.concatenate([near, far + 100]), np.full(40, -1)
    y[:4] = [0, 1, 1, 1]
    fitted = LabelPropagation(3, metric="euclidean").fit(X, y)
    np.testing.assert_allclose(fitted.label_distributions_[20:], [[0.25, 0.75]] * 20)


@pytest.mark.parametrize("head", BOTH)
def test_new_rows_are_predicted_one_by_one_as_together(head: str) -> None:
    X, _, shown = moons()
    fitted = make_head(f'{head}(metric="euclidean")').fit(X, shown)
    new = make_moons(20, noise=0.05, random_state=1)[0]
    alone = np.concatenate([fitted.predict_proba(row[None]) for row in new])
    np.testing.assert_allclose(fitted.predict_proba(new), alone, rtol=1e-6)


@pytest.mark.parametrize("head", ["label_spreading", "label_propagation", "cluster_then_label", "self_training"])
def test_minus_one_is_no_class(head: str) -> None:
    X, _, shown = moons()
    labels = np.array([7, -2])
    fitted = make_head(head).fit(X, np.where(shown >= 0, labels[shown], -1))
    np.testing.assert_array_equal(fitted.classes_, [-2, 7])
    assert set(fitted.predict(X)) == {-2, 7}
    assert fitted.predict_proba(X).shape == (300, 2)


def test_an_unknown_metric_is_told() -> None:
    with pytest.raises(ValueError, match="metric must be one of euclidean, cosine, got 'manhattan'"):
        LabelSpreading(metric="manhattan").fit([[0.0], [1.0]], [0, 1])


@pytest.mark.parametrize("head", [*BOTH, "cluster_then_label"])
def test_the_route_predicts_as_the_plain_estimator(head: str) -> None:
    X, y, shown = moons()
    new = make_moons(50, noise=0.2, random_state=1)[0].astype(np.float32)
    spec = "cluster_then_label(clusters=20)" if head == "cluster_then_label" else head
    specs = [parse(spec), parse(f'{spec[:-1]}, metric="euclidean")' if "(" in spec else f'{spec}(metric="euclidean")')]
    (places,) = np.nonzero(shown >= 0)
    rows = Rows(X[places], pool=Pool(lambda: X), places=places)
    part = Problem(rows, np.arange(4), y[places], "classification", 2, 0)
    predict = route_of(HEADS[head])(part, [all_params(each) for each in specs])
    for queries, asked in ((rows.queries(new), new), (rows.at(np.array([2, 0])), X[places[[2, 0]]])):
        for each, found in zip(specs, predict(queries), strict=True):
            expected = make_head(each).fit(X, shown).predict_proba(asked)
            np.testing.assert_allclose(found.probabilities, expected, atol=1e-4)


def test_what_a_fold_holds_out_stays_in_the_pool() -> None:
    X, y, _ = moons()
    places = np.arange(0, 300, 10)
    rows = Rows(X[places], pool=Pool(lambda: X), places=places)
    part = Problem(rows, np.arange(30), y[places], "classification", 2, 0).part(np.arange(30) >= 6)
    pool, labelled = part.pool
    assert len(pool.X) == 300
    np.testing.assert_array_equal(labelled, places[6:])
