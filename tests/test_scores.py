from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics

from embedkit.errors import EmbedkitError
from embedkit.scores import (
    CLASSIFICATION,
    REGRESSION,
    check_score,
    classification_scores,
    headline_score,
    regression_scores,
    score_name,
)

N_CLASSES = 5


def a_prediction(seed: int, absent_from_truth: int | None = None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet(np.ones(N_CLASSES), 200)
    truth = rng.choice([c for c in range(N_CLASSES) if c != absent_from_truth], 200)
    return truth, probabilities.argmax(axis=1), probabilities


@pytest.mark.parametrize("absent", [None, 0, 4])
def test_scores_are_those_of_scikit_learn(absent: int | None) -> None:
    truth, predicted, probabilities = a_prediction(1, absent)
    scores = classification_scores(truth, predicted, probabilities, N_CLASSES)
    present = np.unique(truth)
    expected = {
        "accuracy": metrics.accuracy_score(truth, predicted),
        "balanced_accuracy": metrics.recall_score(truth, predicted, labels=present, average="macro"),
        "macro_f1": metrics.f1_score(truth, predicted, labels=present, average="macro"),
        "log_loss": metrics.log_loss(truth, probabilities, labels=range(N_CLASSES)),
        "brier": metrics.brier_score_loss(truth, probabilities, labels=range(N_CLASSES), scale_by_half=False),
    }
    assert scores == pytest.approx(expected, rel=1e-12)
    assert tuple(scores) == CLASSIFICATION


def test_balanced_accuracy_is_that_of_scikit_learn_where_all_classes_are_present() -> None:
    truth, predicted, probabilities = a_prediction(2)
    ours = classification_scores(truth, predicted, probabilities, N_CLASSES)["balanced_accuracy"]
    assert ours == pytest.approx(metrics.balanced_accuracy_score(truth, predicted), rel=1e-12)


def test_known_answers_by_hand() -> None:
    truth, predicted = np.array([0, 0, 0, 1]), np.array([0, 0, 2, 1])
    probabilities = np.array([[1, 0, 0], [0.5, 0.5, 0], [0, 0, 1], [0.25, 0.75, 0]])
    scores = classification_scores(truth, predicted, probabilities, 3)
    assert scores["accuracy"] == 3 / 4
    assert scores["balanced_accuracy"] == pytest.approx((2 / 3 + 1) / 2)
    assert scores["macro_f1"] == pytest.approx((4 / 5 + 1) / 2)
    assert scores["brier"] == pytest.approx((0 + 0.5 + 2 + 0.125) / 4)
    assert scores["log_loss"] == pytest.approx(-np.log([1, 0.5, 1e-7, 0.75]).mean())


def test_a_class_that_only_predictions_hold_costs_accuracy_but_is_no_class_of_the_mean() -> None:
    scores = classification_scores(np.array([0, 0, 1, 1]), np.array([0, 2, 1, 1]), None, 3)
    assert scores["balanced_accuracy"] == 0.75


def test_without_probabilities_there_is_no_log_loss_and_no_brier_score() -> None:
    scores = classification_scores(np.array([0, 1]), np.array([0, 1]), None, 2)
    assert scores["log_loss"] is None
    assert scores["brier"] is None


@pytest.mark.parametrize(
    ("asked", "sizes", "shown"),
    [
        ("auto", [10, 10], "accuracy"),
        ("auto", [15, 10], "accuracy"),
        ("auto", [16, 10], "balanced_accuracy"),
        ("auto", [10, 0, 10], "accuracy"),
        ("accuracy", [90, 10], "accuracy"),
        ("balanced_accuracy", [10, 10], "balanced_accuracy"),
    ],
)
def test_headline_is_balanced_accuracy_from_skew_of_more_than_three_to_two(
    asked: str, sizes: list[int], shown: str
) -> None:
    assert headline_score(asked, np.repeat(np.arange(len(sizes)), sizes)) == shown


def test_regression_scores_by_hand() -> None:
    scores = regression_scores(np.array([1.0, 2.0, 6.0]), np.array([2.0, 2.0, 3.0]))
    assert scores == pytest.approx({"mae": 4 / 3, "rmse": (10 / 3) ** 0.5, "r2": 1 - 10 / 14})
    assert tuple(scores) == REGRESSION


def test_regression_scores_are_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    truth, predicted = rng.normal(50, 10, 200), rng.normal(50, 10, 200)
    assert regression_scores(truth, predicted) == pytest.approx(
        {
            "mae": metrics.mean_absolute_error(truth, predicted),
            "rmse": metrics.root_mean_squared_error(truth, predicted),
            "r2": metrics.r2_score(truth, predicted),
        }
    )


def test_a_constant_truth_has_no_r2() -> None:
    assert regression_scores(np.full(3, 0.1), np.array([0.1, 0.2, 0.3]))["r2"] is None


def test_the_headline_of_numeric_targets_is_the_mean_absolute_error() -> None:
    assert headline_score("auto", np.array([1.0, 2.0])) == "mae"
    assert score_name("mae") == "mean absolute error"
    assert score_name("balanced_accuracy") == "balanced accuracy"


@pytest.mark.parametrize(
    ("asked", "task", "told"),
    [
        ("accuracy", "regression", "numeric targets; scores for it: auto, mae"),
        ("mae", "classification", "classes; scores for it: auto, accuracy, balanced_accuracy"),
    ],
)
def test_a_score_of_the_other_task_is_refused(asked: str, task: str, told: str) -> None:
    with pytest.raises(EmbedkitError) as caught:
        check_score(asked, task, "ages")
    assert str(caught.value) == f"score {asked!r} does not suit ages, which has {told}"


@pytest.mark.parametrize(
    ("asked", "task"), [("auto", "regression"), ("mae", "regression"), ("balanced_accuracy", "classification")]
)
def test_a_score_of_the_task_is_taken(asked: str, task: str) -> None:
    check_score(asked, task, "ages")
