"""Scores of predicted classes and probabilities, and of predicted numbers."""

from __future__ import annotations

from typing import Literal

import numpy as np

from embedkit.errors import EmbedkitError

Task = Literal["classification", "regression"]
LOG_LOSS_CLIP = 1e-7
CLASSIFICATION = ("accuracy", "balanced_accuracy", "macro_f1", "log_loss", "brier")
REGRESSION = ("mae", "rmse", "r2")
HEADLINES = {"classification": ("accuracy", "balanced_accuracy"), "regression": ("mae",)}
"""The scores that tables can show, by task."""


def classification_scores(
    truth: np.ndarray, predicted: np.ndarray, probabilities: np.ndarray | None, n_classes: int
) -> dict[str, float | None]:
    """Scores of one trial.

    Parameters
    ----------
    truth, predicted : ndarray of int, shape (n,)
        Class indices.
    probabilities : ndarray of shape (n, n_classes), or None where the head gives none
        Log-loss clips them at `LOG_LOSS_CLIP`; the Brier score (Brier 1950) is summed over classes, from 0 to 2.

    Returns
    -------
    dict
        The scores of `CLASSIFICATION`; balanced accuracy and macro-F1 are means over the classes that `truth` holds.
    """
    confusion = np.bincount(truth * n_classes + predicted, minlength=n_classes**2).reshape(n_classes, n_classes)
    present = confusion.sum(axis=1) > 0
    hits, actual, called = confusion.diagonal()[present], confusion.sum(axis=1)[present], confusion.sum(axis=0)[present]
    scores: dict[str, float | None] = {
        "accuracy": float(hits.sum() / len(truth)),
        "balanced_accuracy": float(np.mean(hits / actual)),
        "macro_f1": float(np.mean(2 * hits / (actual + called))),
        "log_loss": None,
        "brier": None,
    }
    if probabilities is not None:
        of_truth = probabilities[np.arange(len(truth)), truth]
        scores["log_loss"] = float(-np.log(np.clip(of_truth, LOG_LOSS_CLIP, 1)).mean())
        scores["brier"] = float(np.mean(np.sum(probabilities**2, axis=1) - 2 * of_truth + 1))
    return scores


def regression_scores(truth: np.ndarray, predicted: np.ndarray) -> dict[str, float | None]:
    """Scores of one trial with numeric targets, both (n,).

    Returns
    -------
    dict
        The scores of `REGRESSION`: mean absolute error and root mean square error in units of the target, and the
        coefficient of determination, None where `truth` is constant.
    """
    error = predicted - truth
    spread = float(np.sum((truth - truth.mean()) ** 2))
    return {
        "mae": float(np.mean(np.abs(error))),
        "rmse": float(np.sqrt(np.mean(error**2))),
        "r2": 1 - float(np.sum(error**2)) / spread if np.ptp(truth) else None,
    }


def check_score(asked: str, task: str, dataset: str) -> None:
    """Stop where a score is asked for that the task does not have.

    Raises
    ------
    EmbedkitError
        Which says what the data set holds, and which scores there are for it.
    """
    if asked not in ("auto", *HEADLINES[task]):
        held = "classes" if task == "classification" else "numeric targets"
        fitting = ", ".join(("auto", *HEADLINES[task]))
        raise EmbedkitError(f"score {asked!r} does not suit {dataset}, which has {held}; scores for it: {fitting}")


def score_name(score: str) -> str:
    """In words."""
    return "mean absolute error" if score == "mae" else score.replace("_", " ")


def headline_score(asked: str, truth: np.ndarray) -> str:
    """The score that tables show.

    ``auto`` is the mean absolute error where `truth` holds targets (float); where it holds class indices the accuracy,
    balanced where test classes differ by more than 1.5 to 1 in size.
    """
    if asked != "auto":
        return asked
    if truth.dtype.kind == "f":
        return "mae"
    sizes = np.bincount(truth)
    sizes = sizes[sizes > 0]
    return "balanced_accuracy" if sizes.max() > 1.5 * sizes.min() else "accuracy"


def inner_score(truth: np.ndarray, predicted: np.ndarray, task: str) -> float:
    """What selection goes by: balanced accuracy for classes, R2 for numbers."""
    if task == "classification":
        _, codes = np.unique(truth, return_inverse=True)
        return float(np.mean(np.bincount(codes, truth == predicted) / np.bincount(codes)))
    spread = np.sum((truth - truth.mean()) ** 2)
    return float(1 - np.sum((truth - predicted) ** 2) / spread) if spread else 0.0
