"""Classifiers and regressors that can sit on an embedding. A new head is one function and one line in `HEADS`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field

from embedkit.errors import EmbedkitError
from embedkit.spec import Spec, checked_params, find, parse

Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, lt=1)]


@dataclass(frozen=True)
class Head:
    """A family of classifiers.

    Attributes
    ----------
    build : callable
        From a seed and the parameters that a spec wrote to an unfitted scikit-learn estimator.
    family : str
        Heads of one family are compared with others through their champion.
    version : int
        Raised when a change alters what a fitted head predicts, so that old rows are not mixed with new.
    fit_ms : tuple of (float, float)
        Rough cost for the time estimate: milliseconds per fit, and per fit and 1,000 numbers of input (n_labeled * d);
        measured on one core of a 2.6 GHz x86-64 server with 10 classes.
    deterministic : bool
        Whether the seed has no influence.
    tasks : tuple of str
        "classification", "regression" or both.
    """

    build: Callable[..., Any]
    family: str
    version: int
    fit_ms: tuple[float, float]
    deterministic: bool = True
    tasks: tuple[str, ...] = ("classification",)


def _scaled(estimator: Any, rms_of: Literal["features", "rows"] = "features") -> Any:
    """The estimator behind a scaler; penalties that suit rows of unit length hold for every width of embedding."""
    from sklearn.pipeline import make_pipeline

    from embedkit.heads.scaling import ScalarScaler

    return make_pipeline(ScalarScaler(rms_of), estimator)


def linear(
    seed: int,
    *,
    learning_rate: Positive = 1e-2,
    weight_decay: NotNegative = 0.1,
    steps: Count = 100,
    epochs: Count = 20,
) -> Any:
    """fully connected: one softmax layer, trained by AdamW"""
    from embedkit.heads.fully_connected import FullyConnectedClassifier

    return _scaled(
        FullyConnectedClassifier(
            (), learning_rate=learning_rate, weight_decay=weight_decay, steps=steps, epochs=epochs, random_state=seed
        )
    )


def mlp(
    seed: int,
    *,
    hidden: tuple[Count, ...] = (256,),
    dropout: Share = 0.5,
    learning_rate: Positive = 3e-3,
    weight_decay: NotNegative = 0.01,
    label_smoothing: Share = 0.0,
    steps: Count = 150,
    epochs: Count = 30,
) -> Any:
    """fully connected: hidden layers with ReLU and dropout, then softmax, trained by AdamW"""
    from embedkit.heads.fully_connected import FullyConnectedClassifier

    return _scaled(
        FullyConnectedClassifier(
            hidden,
            dropout=dropout,
            learning_rate=learning_rate,
            weight_decay=weight_decay,
            label_smoothing=label_smoothing,
            steps=steps,
            epochs=epochs,
            random_state=seed,
        )
    )


def svm(
    seed: int,
    *,
    C: Positive = 10.0,
    kernel: Literal["rbf", "poly", "linear", "sigmoid"] = "rbf",
    gamma: Positive | Literal["scale"] = "scale",
) -> Any:
    """support vector machine with a kernel"""
    from sklearn.svm import SVC

    del seed
    return _scaled(SVC(C=C, kernel=kernel, gamma=gamma))


def linear_svm(seed: int, *, C: Positive = 0.5) -> Any:
    """linear support vector machine, one against the rest"""
    from sklearn.svm import LinearSVC

    return _scaled(LinearSVC(C=C, dual=True, tol=1e-2, max_iter=10_000, random_state=seed), "rows")


def logistic(seed: int, *, C: Positive = 30.0) -> Any:
    """logistic regression with an L2 penalty, solved to convergence"""
    from sklearn.linear_model import LogisticRegression

    del seed
    return _scaled(LogisticRegression(C=C, max_iter=2000), "rows")


def ridge(seed: int, task: str, *, alpha: Positive = 1.0) -> Any:
    """ridge regression, for classes on class indicators"""
    from sklearn.linear_model import Ridge, RidgeClassifier

    del seed
    return _scaled((Ridge if task == "regression" else RidgeClassifier)(alpha=alpha), "rows")


def lda(seed: int) -> Any:
    """linear discriminant analysis with a shrunken pooled covariance"""
    from embedkit.heads.discriminant import ShrinkageDiscriminant

    del seed
    return _scaled(ShrinkageDiscriminant())


def centroid(seed: int) -> Any:
    """nearest class mean"""
    from embedkit.heads.discriminant import ShrinkageDiscriminant

    del seed
    return _scaled(ShrinkageDiscriminant(shrinkage=1.0, uniform_priors=True))


def knn(
    seed: int, task: str, *, k: Count = 5, metric: Literal["euclidean", "cosine", "manhattan"] = "euclidean"
) -> Any:
    """vote of the k nearest labelled images, of which the nearest breaks ties; or the mean of their targets"""
    from embedkit.heads.neighbors import NearestNeighborsClassifier, NearestNeighborsRegressor

    del seed
    if task == "regression":
        return NearestNeighborsRegressor(n_neighbors=k, metric=metric)
    return NearestNeighborsClassifier(n_neighbors=k, metric=metric)


def forest(seed: int, task: str, *, trees: Count = 100) -> Any:
    """random forest"""
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    kind = RandomForestRegressor if task == "regression" else RandomForestClassifier
    return kind(n_estimators=trees, n_jobs=1, random_state=seed)


def xgboost(
    seed: int,
    *,
    trees: Count = 100,
    max_depth: Count = 2,
    learning_rate: Positive = 0.1,
    colsample: Annotated[float, Field(gt=0, le=1)] | Literal["sqrt"] = "sqrt",
) -> Any:
    """gradient-boosted trees"""
    from embedkit.heads.trees import XGBoostClassifier

    return XGBoostClassifier(
        trees, max_depth=max_depth, learning_rate=learning_rate, colsample_bytree=colsample, random_state=seed
    )


BOTH = ("classification", "regression")
HEADS: dict[str, Head] = {
    "linear": Head(linear, "fully connected", 1, (49, 0.05), deterministic=False),
    "mlp": Head(mlp, "fully connected", 1, (95, 0.45), deterministic=False),
    "svm": Head(svm, "SVM", 1, (2, 0.2)),
    "linear_svm": Head(linear_svm, "SVM", 1, (2, 0.3), deterministic=False),
    "logistic": Head(logistic, "linear", 1, (4, 0.2)),
    "ridge": Head(ridge, "linear", 1, (3, 0.02), tasks=BOTH),
    "lda": Head(lda, "discriminant", 1, (2, 0.05)),
    "centroid": Head(centroid, "neighbours", 1, (2, 0.05)),
    "knn": Head(knn, "neighbours", 1, (1.5, 0.02), tasks=BOTH),
    "forest": Head(forest, "trees", 1, (87, 1.5), deterministic=False, tasks=BOTH),
    "xgboost": Head(xgboost, "trees", 1, (26, 2.0), deterministic=False),
}


def make_head(spec: str | Spec, seed: int = 0, task: str = "classification") -> Any:
    """Build an unfitted scikit-learn classifier, or regressor, from a spec such as ``svm(C=10)``.

    Raises
    ------
    EmbedkitError
        Where the head or a parameter is unknown, a value is out of bounds, or the head is not for this task.
    """
    spec = parse(spec) if isinstance(spec, str) else spec
    head: Head = find("head", spec, HEADS)
    if task not in head.tasks:
        fitting = [name for name, other in HEADS.items() if task in other.tasks]
        raise EmbedkitError(f"{spec.name} is not for {task}; heads for it: {', '.join(fitting)}")
    arguments = (seed, task) if "regression" in head.tasks else (seed,)
    return head.build(*arguments, **checked_params(spec, head.build))
