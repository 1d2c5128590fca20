"""Linear heads with closed or convex solutions."""

from __future__ import annotations

from typing import Any

from embedkit.heads.head import Head, Positive, Task, scaled


def logistic(seed: int, task: Task, *, C: Positive = 10.0) -> Any:
    """logistic regression with an L2 penalty, solved to convergence"""
    from sklearn.linear_model import LogisticRegression

    del seed, task
    return scaled(LogisticRegression(C=C, max_iter=2000), "rows")


def ridge(seed: int, task: Task, *, alpha: Positive = 1.0) -> Any:
    """ridge regression; for classes on their indicators"""
    from sklearn.linear_model import Ridge, RidgeClassifier

    del seed
    return scaled((RidgeClassifier if task == "classification" else Ridge)(alpha=alpha), "rows")


def _leave_one_out(problem: Any, candidates: Any) -> Any:
    from embedkit.heads.routes.ridge import leave_one_out

    return leave_one_out(problem, candidates)


def _logistic_on_gpu(fits: Any) -> Any:
    from embedkit.heads.routes import batched_logistic

    return batched_logistic.fit_all(fits)


def _ridge_on_gpu(fits: Any) -> Any:
    from embedkit.heads.routes import ridge

    return [ridge.fit_all(fit.problem, fit.candidates) for fit in fits]


HEADS = {
    "logistic": Head(
        logistic,
        "linear",
        1,
        (4, 0.2),
        tasks=("classification",),
        grid={"C": (1, 10, 100)},
        turnable=True,
        loss="log_loss",
        gpu=True,
        batched=_logistic_on_gpu,
    ),
    "ridge": Head(
        ridge,
        "linear",
        1,
        (3, 0.02),
        grid={"alpha": (0.01, 0.1, 1, 10)},
        leave_one_out=_leave_one_out,
        gpu=True,
        batched=_ridge_on_gpu,
    ),
}
