"""Study: what a user asks for, by file or flags or from Python, validated as a whole before anything runs."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from embedkit.engines import default_jobs
from embedkit.errors import EmbedkitError
from embedkit.sampling import Budget, parse_budget
from embedkit.spec import Spec, checked_params, did_you_mean, find, parse, parse_chain, split_list

DEFAULT_HEADS = (
    "linear", "mlp", "svm", "linear_svm", "logistic", "ridge", "lda", "centroid",
    "knn(k=1)", 'knn(k=5, metric="cosine")', "forest", "xgboost",
)  # fmt: skip
DEFAULT_BUDGETS = {
    "classification": ("1", "2", "5", "10", "25", "50", "100"),
    "regression": ("10", "25", "50", "100", "250", "500", "1000"),
}


class Study(BaseModel):
    """Every key of a study file, every flag of ``embedkit run``, and every argument of `embedkit.run`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    datasets: tuple[str, ...] = Field(default=(), description="names, folders of images, or specs")
    labels: str | None = Field(None, description="labels of a folder: CSV with path,label[,group][,split]")
    task: Literal["auto", "classification", "regression"] = Field(
        "auto", description="auto: regression where all labels are numbers and at least one is not whole"
    )
    backbones: tuple[str, ...] | None = Field(
        None, description="networks; default: autoencoder for images up to 32x32, else resnet50"
    )
    codecs: tuple[str, ...] = Field(("float32",), description="how embeddings are stored")
    heads: tuple[str, ...] = Field(DEFAULT_HEADS, description="classifiers (regressors) on the embeddings")
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
    min_class_size: int = Field(2, ge=2, description="smaller classes are left out")
    controls: bool = Field(True, description="add raw pixels and each network untrained")
    jobs: int = Field(default_factory=default_jobs, ge=1, description="worker processes, one thread each")
    device: str = Field("auto", pattern=r"^(auto|cpu|cuda(:\d+)?)$", description="auto, cpu, cuda or cuda:N")
    name: str | None = Field(
        None, pattern=r"^\w[\w.-]*$", description="folder of the results; default: from the data sets"
    )
    out: str = Field("results", description="where that folder is made")

    @field_validator("datasets", "backbones", "codecs", "heads", "budgets", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        """A list, or text with commas between the members; whole numbers are budgets."""
        parts = [value] if isinstance(value, str | int | Path) else value
        if not isinstance(parts, list | tuple):
            return parts
        return tuple(item for part in parts for item in _members(part))

    @field_validator("datasets", "backbones", "codecs", "heads", "budgets", mode="after")
    @classmethod
    def _at_least_one(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if value == ():
            raise ValueError("name at least one")
        return value

    @property
    def results_name(self) -> str:
        """The folder's name: as written, else from the data sets."""
        if self.name:
            return self.name
        return "-".join(re.sub(r"[^\w.]", "_", _short_name(text)) for text in self.datasets)

    @property
    def folder(self) -> Path:
        return Path(self.out) / self.results_name

    def parsed_heads(self) -> list[Spec]:
        return _unique([parse(text) for text in self.heads])

    def parsed_codecs(self) -> list[tuple[Spec, ...]]:
        return _unique([parse_chain(text) for text in self.codecs])

    def parsed_backbones(self) -> list[Spec]:
        return _unique([parse(text) for text in self.backbones or ()])

    def parsed_budgets(self, task: str = "classification") -> list[Budget]:
        return _unique([parse_budget(text) for text in self.budgets or DEFAULT_BUDGETS[task]])


def _short_name(dataset: str) -> str:
    if "(" in dataset and not os.path.isdir(dataset):  # noqa: PTH112
        return parse(dataset).name
    return Path(dataset).resolve().name


def _members(part: Any) -> list[str]:
    if not isinstance(part, str) or os.path.exists(part):  # noqa: PTH110 -- a folder's name may hold commas
        return [str(part)]
    return split_list(part)


def _unique(values: list[Any]) -> list[Any]:
    return list(dict.fromkeys(values))


def make_study(origin: str, **keys: Any) -> Study:
    """Build a study and check every key.

    Raises
    ------
    EmbedkitError
        With all problems at once, each with its key.
    """
    keys = {key: value for key, value in keys.items() if value is not None}
    problems: list[str] = []
    try:
        study = Study(**keys)
    except ValidationError as error:
        problems = [_told(problem) for problem in error.errors()]
        broken = {str(problem["loc"][0]) for problem in error.errors()}
        study = Study(**{key: value for key, value in keys.items() if key not in broken})
    problems += _member_problems(study)
    if problems:
        told = problems[0] if len(problems) == 1 else "".join(f"\n  {problem}" for problem in problems)
        raise EmbedkitError(
            f"{origin}: {told}" if len(problems) == 1 else f"{origin} has {len(problems)} problems:{told}"
        )
    return study


def _told(problem: Any) -> str:
    key = str(problem["loc"][0])
    if problem["type"] == "extra_forbidden":
        return f"{key}: unknown key{did_you_mean(key, Study.model_fields)} keys: {', '.join(Study.model_fields)}"
    message = problem["msg"].removeprefix("Value error, ")
    given = "" if problem["type"] in ("value_error", "missing") else f"; it is {problem['input']!r}"
    return f"{key}: {message[0].lower()}{message[1:]}{given}"


def _member_problems(study: Study) -> list[str]:
    """What is wrong with the names and parameters in a study's lists."""
    from embedkit.codecs import make_codec
    from embedkit.datasets import dataset_spec
    from embedkit.heads import check_head

    def check_backbone(text: str) -> None:
        from embedkit.backbones import BACKBONES

        spec = parse(text)
        checked_params(spec, find("backbone", spec, BACKBONES))

    checks: list[tuple[str, tuple[str, ...], Callable[[str], Any]]] = [
        ("datasets", study.datasets, lambda text: dataset_spec(text, study.labels)),
        ("backbones", study.backbones or (), check_backbone),
        ("codecs", study.codecs, lambda text: make_codec(parse_chain(text))),
        ("heads", study.heads, lambda text: check_head(parse(text))),
        ("budgets", study.budgets or (), parse_budget),
    ]
    problems = []
    for key, texts, check in checks:
        for text in texts:
            try:
                check(text)
            except EmbedkitError as error:
                problems.append(f"{key}: {error}")
    return problems


def read_study(path: str) -> dict[str, Any]:
    """The keys of a study file (TOML); the file's name becomes the study's name.

    Raises
    ------
    EmbedkitError
        Where the file cannot be read or is no TOML.
    """
    try:
        keys = tomllib.loads(Path(path).read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise EmbedkitError(f"cannot read the study file {path!r}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise EmbedkitError(f"the study file {path!r} is no TOML: {error}") from None
    return {"name": re.sub(r"[^\w.-]", "_", Path(path).stem), **keys}


def built_in_study() -> dict[str, Any]:
    """The keys of the study that runs when nothing is asked for."""
    text = (resources.files("embedkit") / "studies" / "default.toml").read_text(encoding="utf-8")
    return {"name": "default", **tomllib.loads(text)}
