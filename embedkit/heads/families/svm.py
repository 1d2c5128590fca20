"""Support vector machines."""

from __future__ import annotations

from typing import Any, Literal

from embedkit.heads.head import Count, Head, Positive, Task, scaled, standardised_target

EPSILON = 0.1  # of the insensitive zone of regression, in standard deviations of the targets
COEF0 = 1  # of polynomial kernels, so that they hold all powers up to their degree
KERNEL_ROWS_MAX = 5000  # above, a matrix of inner products would take more than 200 MB


def svm(
    seed: int,
    task: Task,
    *,
    C: Positive = 10.0,
    kernel: Literal["rbf", "poly", "cosine"] = "rbf",
    gamma: Positive = 0.5,
    degree: Count = 3,
) -> Any:
    """support vector machine with a kernel: rbf, poly or cosine; gamma is for rows of mean square 1"""
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import Normalizer
    from sklearn.svm import SVC, SVR

    del seed
    params = {
        "C": C,
        "kernel": "linear" if kernel == "cosine" else kernel,
        "gamma": gamma,
        "degree": degree,
        "coef0": COEF0,
    }
    machine = SVC(**params) if task == "classification" else standardised_target(SVR(**params, epsilon=EPSILON))
    return scaled(make_pipeline(Normalizer(), machine) if kernel == "cosine" else machine, "rows")


def linear_svm(seed: int, task: Task, *, C: Positive = 0.5) -> Any:
    """linear support vector machine, one class against the rest"""
    from sklearn.svm import LinearSVC, LinearSVR

    if task == "regression":
        machine = LinearSVR(C=C, epsilon=EPSILON, tol=1e-2, max_iter=10_000, random_state=seed)
        return scaled(standardised_target(machine), "rows")
    return scaled(LinearSVC(C=C, dual=True, tol=1e-2, max_iter=10_000, random_state=seed), "rows")


def _on_shared_kernels(problem: Any, candidates: Any) -> Any:
    from embedkit.heads.routes import plain_route
    from embedkit.heads.routes.kernel_svm import fit_all

    few = len(problem.rows.X) <= KERNEL_ROWS_MAX
    return (fit_all if few else plain_route(HEADS["svm"]))(problem, candidates)


HEADS = {
    "svm": Head(
        svm,
        "SVM",
        2,
        (2, 0.2),
        grid={"C": (1, 10, 100), "gamma": (0.2, 0.5, 1)},
        route=_on_shared_kernels,
        gpu=True,
    ),
    "linear_svm": Head(linear_svm, "SVM", 1, (2, 0.3), deterministic=False, grid={"C": (0.05, 0.5, 5)}, turnable=True),
}
