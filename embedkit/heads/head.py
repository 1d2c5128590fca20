"""Head: what embedkit knows about one name of `HEADS`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import Field

from embedkit.scores import Task

TASKS: tuple[Task, ...] = ("classification", "regression")

Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, lt=1)]


@dataclass(frozen=True)
class Head:
    """A name that a spec may write, and what may be tried under it.

    Attributes
    ----------
    build : callable
        From a seed, a task and the parameters that a spec wrote to an unfitted scikit-learn estimator.
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
    grid : mapping
        For parameters that a spec leaves open the values that selection tries, in order; the default is among them.
    route : callable or None
        A faster way to the same predictions for many candidates at once, see `embedkit.heads.problem.Route`.
    staged : str
        A parameter of which one fit with the largest value holds those with smaller ones, or nothing.
    loss : {"misses", "log_loss"}
        What folds go by for classes. The log-loss tells candidates apart by fewer rows; it needs probabilities that are
        never 0 for what may be true.
    gpu : bool
        Whether it works on a GPU where the study has one; its trials then run in the process of the study.
    batched : callable or None
        For a GPU: from a list of `embedkit.heads.routes.Fit` to the predictions of each, by one program.
    leave_one_out : callable or None
        In place of folds: from a problem and candidates to `embedkit.heads.problem.Inner`, in closed form.
    turnable : bool
        Whether predictions stay the same when all rows are turned alike, so that with n_labeled < d folds may work on
        coordinates in the span of the labelled rows.
    n_labeled_max, n_classes_max : int or None
        Not applicable above.
    pool : bool
        Whether it uses the pool: its estimator is fitted to all rows, with -1 for those without a label.
    pool_ms : float
        Cost for the time estimate: milliseconds per fit and 1,000 images in the pool.
    image_passes : callable or None
        Of heads that train the network itself, on images in place of embeddings: from all parameters, n_labeled, and
        where the network's weights come from, to how many images go through it in a fit; the way back counts as two.
    """

    build: Callable[..., Any]
    family: str
    version: int
    fit_ms: tuple[float, float]
    deterministic: bool = True
    tasks: tuple[Task, ...] = TASKS
    grid: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    route: Callable[..., Any] | None = None
    staged: str = ""
    loss: Literal["misses", "log_loss"] = "misses"
    gpu: bool = False
    batched: Callable[..., Any] | None = None
    leave_one_out: Callable[..., Any] | None = None
    turnable: bool = False
    n_labeled_max: int | None = None
    n_classes_max: int | None = None
    pool: bool = False
    pool_ms: float = 0.0
    image_passes: Callable[[Mapping[str, Any], float, str], float] | None = None

    @property
    def trains_network(self) -> bool:
        """Whether it is fitted on images; its trials run in the process of the study."""
        return self.image_passes is not None


def scaled(estimator: Any, rms_of: Literal["features", "rows", "reach"] = "features") -> Any:
    """The estimator behind a scaler; penalties that suit rows of unit length hold for every width of embedding."""
    from sklearn.pipeline import make_pipeline

    from embedkit.heads.scaling import ScalarScaler

    return make_pipeline(ScalarScaler(rms_of), estimator)


def standardised_target(regressor: Any) -> Any:
    """The regressor on targets of mean 0 and standard deviation 1, so that their unit does not matter."""
    from sklearn.compose import TransformedTargetRegressor
    from sklearn.preprocessing import StandardScaler

    return TransformedTargetRegressor(regressor, transformer=StandardScaler())
