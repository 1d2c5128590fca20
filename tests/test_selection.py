from __future__ import annotations

import dataclasses
import re
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import RidgeClassifierCV
from sklearn.model_selection import LeaveOneOut, cross_val_predict

from embedkit.errors import NotApplicable
from embedkit.heads import HEADS, all_params, make_head
from embedkit.heads.problem import Problem, Rows
from embedkit.heads.scaling import ScalarScaler
from embedkit.selection import Choice, _clearly_best, choose, grid_candidates, inner_folds
from embedkit.spec import parse


def blobs(per_class: int, d: int = 20, noise: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Three classes, in the order of a draw: class by class."""
    rng = np.random.default_rng(0)
    y = np.repeat(np.arange(3), per_class)
    return rng.normal(size=(3, d))[y] + noise * rng.normal(size=(len(y), d)), y


def problem(X: np.ndarray, y: np.ndarray, task: Any = "classification") -> Problem:
    return Problem(Rows(X), np.arange(len(X)), y, task, 3, seed=1)


def chosen(spec: str, per_class: int, selection: Any = "cv", noise: float = 1.0) -> Choice:
    X, y = blobs(per_class, noise=noise)
    return choose(parse(spec), problem(X, y), np.arange(len(X)), selection)


@pytest.mark.parametrize("name", HEADS)
def test_the_default_is_in_the_grid_and_the_first_candidate(name: str) -> None:
    defaults = all_params(parse(name))
    for parameter, values in HEADS[name].grid.items():
        assert defaults[parameter] in values
        numbers = [value for value in values if not isinstance(value, str)]
        assert numbers == sorted(numbers)
    if name != "best":
        assert grid_candidates(parse(name))[0].params == defaults


@pytest.mark.parametrize("name", HEADS)
def test_search_effort_is_about_equal(name: str) -> None:
    if name != "best":
        assert len(grid_candidates(parse(name))) <= 9


def test_candidates_are_ordered_by_their_distance_from_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(HEADS, "svm", dataclasses.replace(HEADS["svm"], grid={"C": (1, 10, 100), "gamma": (0.5, 1)}))
    places = [(c.open["C"], c.open["gamma"]) for c in grid_candidates(parse("svm"))]
    assert places == [(10, 0.5), (1, 0.5), (10, 1), (100, 0.5), (1, 1), (100, 1)]


def test_what_is_written_is_not_chosen() -> None:
    candidates = grid_candidates(parse("svm(C=3)"))
    assert {c.params["C"] for c in candidates} == {3}
    assert all(set(c.open) == {"gamma"} for c in candidates)


def test_folds_are_the_rank_within_the_class_modulo_five() -> None:
    y = np.repeat([0, 1], [7, 5])
    folds = inner_folds(y, np.arange(12), "classification")
    assert folds is not None
    assert folds.tolist() == [0, 1, 2, 3, 4, 0, 1, 0, 1, 2, 3, 4]


def test_folds_keep_groups_whole() -> None:
    groups = np.array([8, 8, 8, 1, 2, 3, 4, 5, 6, 7])
    folds = inner_folds(np.repeat([0, 1], 5), groups, "classification")
    assert folds is not None
    assert folds.tolist() == [0, 0, 0, 1, 2, 0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("y", "task"), [(np.repeat([0, 1], [4, 5]), "classification"), (np.arange(24.0), "regression")]
)
def test_with_few_labels_there_are_no_folds(y: np.ndarray, task: str) -> None:
    assert inner_folds(y, np.arange(len(y)), task) is None


def test_folds_that_leave_one_class_to_learn_from_are_none() -> None:
    assert inner_folds(np.repeat([0, 1], [20, 1]), np.arange(21), "classification") is None


def test_below_five_per_class_the_default_is_taken() -> None:
    choice = chosen("svm", 4)
    assert choice == Choice(all_params(parse("svm")))


def test_the_default_selection_chooses_nothing() -> None:
    assert chosen("svm", 20, "default") == Choice(all_params(parse("svm")))


def test_a_clearly_better_candidate_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(HEADS, "knn", dataclasses.replace(HEADS["knn"], grid={"k": (1, 5, 30)}))
    X, y = blobs(30, noise=2.5)
    choice = choose(parse('knn(metric="euclidean")'), problem(X, y), np.arange(90))
    assert choice.selected == {"k": 30}
    assert choice.params == all_params(parse('knn(k=30, metric="euclidean")'))
    assert choice.on_edge is True


def test_the_score_is_the_balanced_accuracy_out_of_fold() -> None:
    X, y = blobs(10, noise=2.0)
    choice = choose(parse("gaussian_nb(var_smoothing=0.3)"), problem(X, y), np.arange(30))
    assert choice.score is None  # nothing to choose
    choice = chosen("centroid", 10, noise=2.0)
    folds = np.tile(np.arange(10) % 5, 3)
    head = make_head(f'centroid(metric="{choice.params["metric"]}")')
    right = [
        np.mean(head.fit(X[folds != fold], y[folds != fold]).predict(X[folds == fold]) == y[folds == fold])
        for fold in range(5)
    ]
    assert choice.score == pytest.approx(np.mean(right))


def test_the_default_gives_way_only_to_what_chance_would_not_do() -> None:
    default = np.array([1, 1, 1, 1, 1, 0, 0, 0, 0, 0])
    one_more, four_more = default.copy(), default.copy()
    one_more[0], four_more[:4] = 0, 0
    assert _clearly_best(np.stack([default, one_more]).astype(float), np.ones(10)) == 0
    assert _clearly_best(np.stack([default, one_more, four_more]).astype(float), np.ones(10)) == 2


def test_equal_losses_leave_the_default() -> None:
    assert _clearly_best(np.ones((3, 5)), np.ones(5)) == 0


@pytest.mark.parametrize(("per_class", "d"), [(10, 50), (30, 8)])
def test_leave_one_out_of_ridge_is_that_of_refitting(per_class: int, d: int) -> None:
    X, y = blobs(per_class, d, noise=2.0)
    scaled = ScalarScaler("rows").fit_transform(X)
    inner = HEADS["ridge"].leave_one_out(problem(X, y), [{"alpha": 0.1}, {"alpha": 1}])  # type: ignore[misc]
    for alpha, values, losses in zip((0.1, 1), inner.predicted, inner.losses, strict=True):
        head = RidgeClassifierCV(alphas=[alpha], store_cv_results=True).fit(scaled, y)
        np.testing.assert_allclose(losses, np.mean(head.cv_results_[:, :, 0], axis=1), rtol=1e-8)
        direct = cross_val_predict(make_head(f"ridge(alpha={alpha})").steps[-1][1], scaled, y, cv=LeaveOneOut())
        np.testing.assert_array_equal(values, direct)


def test_leave_one_out_of_ridge_on_numbers_is_that_of_refitting() -> None:
    X, _ = blobs(10)
    y = X[:, 0] + 0.1 * X[:, 1] ** 2
    inner = HEADS["ridge"].leave_one_out(problem(X, y, "regression"), [{"alpha": 0.5}])  # type: ignore[misc]
    ridge = make_head("ridge(alpha=0.5)", task="regression").steps[-1][1]
    direct = cross_val_predict(ridge, ScalarScaler("rows").fit_transform(X), y, cv=LeaveOneOut())
    np.testing.assert_allclose(inner.predicted[0], direct, rtol=1e-8)
    np.testing.assert_allclose(inner.losses[0], (y - direct) ** 2, rtol=1e-6)


def test_rows_of_one_group_are_not_left_out_one_by_one() -> None:
    X, y = blobs(10, noise=2.5)
    alone = choose(parse("ridge"), problem(X, y), np.arange(30))
    grouped = choose(parse("ridge"), problem(X, y), np.repeat(np.arange(15), 2))
    assert alone.score != grouped.score


def test_the_champion_is_the_head_with_the_best_score() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 2))
    y = (X[:, 0] * X[:, 1] > 0).astype(int)
    order = np.argsort(y, kind="stable")
    choice = choose(parse("best(heads=[ridge, svm])"), problem(X[order], y[order]), np.arange(80))
    assert choice.selected["head"].startswith("svm")
    assert choice.score is not None
    assert choice.score > 0.8
    assert [head.name for head in choice.params["heads"]] == ["svm"]


def test_the_champion_leaves_out_what_does_not_fit() -> None:
    X, _ = blobs(20)
    numbers = problem(X, X[:, 0], "regression")
    choice = choose(parse("best(heads=[lda, ridge, knn])"), numbers, np.arange(60))
    assert choice.selected["head"].startswith("ridge")
    with pytest.raises(NotApplicable, match=re.escape("none of the heads of best(heads=[lda, qda]) fits: lda tells")):
        choose(parse("best(heads=[lda, qda])"), numbers, np.arange(60))


def test_with_few_labels_the_champion_is_the_first() -> None:
    choice = chosen("best(heads=[lda, svm])", 2)
    assert [head.name for head in choice.params["heads"]] == ["lda"]
    assert choice.selected == {}


def test_gaussian_processes_say_how_many_labels_they_take() -> None:
    X, y = blobs(200)
    with pytest.raises(NotApplicable, match="gaussian_process takes up to 500 labels; the draw has 600"):
        choose(parse("gaussian_process"), problem(X, y), np.arange(600))


@pytest.mark.parametrize("name", ["tree", "forest"])
def test_trees_say_how_many_classes_they_take(name: str) -> None:
    many = Problem(Rows(np.zeros((301, 2), dtype=np.float32)), np.arange(301), np.arange(301), "classification", 301, 0)
    with pytest.raises(NotApplicable, match=f"{name} takes up to 300 classes; the draw has 301"):
        choose(parse(name), many, np.arange(301))
    numbers = dataclasses.replace(many, y=np.arange(301.0), task="regression")
    assert choose(parse(name), numbers, np.arange(301)).selected == {}
