"""Gaussian processes."""

from __future__ import annotations

from typing import Any, Literal

from embedkit.heads.head import Head, Positive, Task, scaled


def gaussian_process(
    seed: int,
    task: Task,
    *,
    length_scale: Positive | Literal["auto"] = "auto",
    noise: Positive | Literal["auto"] = "auto",
) -> Any:
    """Gaussian process, its kernel chosen by marginal likelihood; up to 500 labels"""
    from embedkit.heads.gaussian_process import GaussianProcessClassifier, GaussianProcessRegressor

    del seed
    process = GaussianProcessClassifier if task == "classification" else GaussianProcessRegressor
    return scaled(process(None if length_scale == "auto" else length_scale, None if noise == "auto" else noise))


HEADS = {"gaussian_process": Head(gaussian_process, "Gaussian process", 1, (3, 1), n_labeled_max=500)}
