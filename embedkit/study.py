"""Study: what a user asks for, by file or flags or from Python, validated as a whole before anything runs."""

from __future__ import annotations

import re
import tomllib
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator

from embedkit.errors import EmbedkitError
from embedkit.request import Checks, Request, as_list, at_least_one, make_request, unique
from embedkit.sampling import MIN_CLASS_SIZE, Budget, parse_budget
from embedkit.scores import Task
from embedkit.spec import Spec, parse

DEFAULT_HEADS = (
    "linear", "mlp", "svm", "linear_svm", "logistic", "ridge", "lda", "centroid",
    "knn(k=1)", "knn", "forest", "xgboost",
)  # fmt: skip
DEFAULT_BUDGETS = {
    "classification": ("1", "2", "5", "10", "25", "50", "100"),
    "regression": ("10", "25", "50", "100", "250", "500", "1000"),
}
_STUDIES = resources.files("embedkit") / "studies"


class Study(Request):
    """Every key of a study file, every flag of ``embedkit run``, and every argument of `embedkit.run`."""

    heads: tuple[str, ...] | None = Field(
        None, description=f"classifiers or regressors on the embeddings; default: {', '.join(DEFAULT_HEADS)}"
    )
    budgets: tuple[str, ...] | None = Field(
        None,
        description='labels: 5 (per class; numeric targets: in all), "200 total", "1%", "all"; '
        "default: 1 to 100 (numeric targets: 10 to 1000), those that fit",
    )
    repeats: int = Field(10, ge=1, description="label draws per budget")
    selection: Literal["cv", "default", "oracle"] = Field(
        "cv",
        description="hyperparameters that are not written: chosen inside the labelled images (cv), each head's "
        "defaults (default), or by the test images, to see what choosing costs (oracle)",
    )
    evaluation: Literal["auto", "fixed", "cv"] = Field(
        "auto", description="test split or hold-out (fixed), 5-fold cross-validation (cv)"
    )
    score: Literal["auto", "accuracy", "balanced_accuracy", "mae"] = Field(
        "auto",
        description="auto: balanced_accuracy where test classes differ by more than 1.5 to 1; numeric targets: mae",
    )
    draw: Literal["balanced", "capped"] = Field(
        "balanced", description="capped: a class with fewer images than the budget gives all it has"
    )
    min_class_size: int = Field(MIN_CLASS_SIZE, ge=2, description="smaller classes are left out")

    _listed_here = field_validator("heads", "budgets", mode="before")(as_list)
    _some_here = field_validator("heads", "budgets", mode="after")(at_least_one)

    def parsed_heads(self, task: Task = "classification") -> list[Spec]:
        """Those that were asked for, or by default those that can do the task."""
        from embedkit.heads import names

        if self.heads is None:
            return [head for head in map(parse, DEFAULT_HEADS) if head.name in names(task)]
        return unique([parse(text) for text in self.heads])

    def parsed_budgets(self, task: Task = "classification") -> list[Budget]:
        return unique([parse_budget(text) for text in self.budgets or DEFAULT_BUDGETS[task]])

    def checks(self) -> Checks:
        return [
            *super().checks(),
            ("heads", self.heads or (), _check_head),
            ("budgets", self.budgets or (), parse_budget),
        ]


def _check_head(text: str) -> None:
    from embedkit.heads import check_head

    check_head(parse(text))


def make_study(origin: str, **keys: Any) -> Study:
    """Build a study and check every key.

    Raises
    ------
    EmbedkitError
        With all problems at once, each with its key.
    """
    return make_request(Study, origin, keys)


BUILT_IN = "default"
"""The study that runs when nothing is asked for."""


def shipped_studies() -> dict[str, str]:
    """The studies that come with embedkit: names, and the first line of each, which says what it is."""
    files = sorted((file.name, file) for file in _STUDIES.iterdir() if file.name.endswith(".toml"))
    return {name.removesuffix(".toml"): file.read_text("utf-8").splitlines()[0].lstrip("# ") for name, file in files}


def read_study(path: str) -> dict[str, Any]:
    """The keys of a study file (TOML), or of a shipped study; the file's name becomes the study's name.

    Raises
    ------
    EmbedkitError
        Where the file cannot be read or is no TOML.
    """
    file = _STUDIES / f"{path}.toml" if path in shipped_studies() else Path(path)
    try:
        keys = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise EmbedkitError(f"cannot read the study file {path!r}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise EmbedkitError(f"the study file {path!r} is no TOML: {error}") from None
    return {"name": re.sub(r"[^\w.-]", "_", Path(path).stem), **keys}
