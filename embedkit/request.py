"""What every experiment is asked with: data sets, backbones, codecs, where and how; checked as a whole."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from embedkit.engines import default_jobs
from embedkit.errors import EmbedkitError
from embedkit.spec import Spec, did_you_mean, parse, parse_chain, split_list

Checks = list[tuple[str, tuple[str, ...], Callable[[str], Any]]]
"""Keys, what was written for them, and what raises an EmbedkitError where one of these cannot be."""


def as_list(value: Any) -> Any:
    """A list, or text with commas between the members; whole numbers are written out."""
    parts = [value] if isinstance(value, str | int | Path) else value
    if not isinstance(parts, list | tuple):
        return parts
    return tuple(item for part in parts for item in _members(part))


def at_least_one(value: Any) -> Any:
    if value == ():
        raise ValueError("name at least one")
    return value


class Request(BaseModel):
    """The keys that all experiments share."""

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
    controls: bool = Field(True, description="add raw pixels and each network untrained")
    jobs: int = Field(default_factory=default_jobs, ge=1, description="worker processes, one thread each")
    device: str = Field("auto", pattern=r"^(auto|cpu|cuda(:\d+)?)$", description="auto, cpu, cuda or cuda:N")
    trust_code: bool = Field(False, description="run the Python files that backbones such as module(path=...) name")
    name: str | None = Field(
        None, pattern=r"^\w[\w.-]*$", description="folder of the results; default: from the data sets"
    )
    out: str = Field("results", description="where that folder is made")

    _listed = field_validator("datasets", "backbones", "codecs", mode="before")(as_list)
    _some = field_validator("datasets", "backbones", "codecs", mode="after")(at_least_one)

    @property
    def results_name(self) -> str:
        """The folder's name: as written, else from the data sets."""
        if self.name:
            return self.name
        return "-".join(re.sub(r"[^\w.]", "_", _short_name(text)) for text in self.datasets)

    @property
    def folder(self) -> Path:
        return Path(self.out) / self.results_name

    def parsed_codecs(self) -> list[tuple[Spec, ...]]:
        return unique([parse_chain(text) for text in self.codecs])

    def parsed_backbones(self) -> list[Spec]:
        return unique([parse(text) for text in self.backbones or ()])

    def checks(self) -> Checks:
        """How the names and parameters in its lists are checked."""
        from embedkit.backbones import checked_backbone
        from embedkit.codecs import make_codec
        from embedkit.datasets import dataset_spec

        return [
            ("datasets", self.datasets, lambda text: dataset_spec(text, self.labels)),
            ("backbones", self.backbones or (), lambda text: checked_backbone(parse(text), self.trust_code)),
            ("codecs", self.codecs, lambda text: make_codec(parse_chain(text))),
        ]


def _short_name(dataset: str) -> str:
    if "(" in dataset and not os.path.isdir(dataset):  # noqa: PTH112
        return parse(dataset).name
    return Path(dataset).resolve().name


def _members(part: Any) -> list[str]:
    if not isinstance(part, str) or os.path.exists(part):  # noqa: PTH110 -- a folder's name may hold commas
        return [str(part)]
    return split_list(part)


def unique(values: list[Any]) -> list[Any]:
    """Each once, in the order of their first appearance."""
    return list(dict.fromkeys(values))


Asked = TypeVar("Asked", bound=Request)


def make_request(model: type[Asked], origin: str, keys: dict[str, Any]) -> Asked:
    """Build a request and check every key.

    Raises
    ------
    EmbedkitError
        With all problems at once, each with its key.
    """
    keys = {key: value for key, value in keys.items() if value is not None}
    problems: list[str] = []
    try:
        request = model(**keys)
    except ValidationError as error:
        problems = [_told(problem, model) for problem in error.errors()]
        broken = {str(problem["loc"][0]) for problem in error.errors()}
        request = model(**{key: value for key, value in keys.items() if key not in broken})
    for key, texts, check in request.checks():
        for text in texts:
            try:
                check(text)
            except EmbedkitError as error:
                problems.append(f"{key}: {error}")
    if problems:
        told = problems[0] if len(problems) == 1 else "".join(f"\n  {problem}" for problem in problems)
        raise EmbedkitError(
            f"{origin}: {told}" if len(problems) == 1 else f"{origin} has {len(problems)} problems:{told}"
        )
    return request


def _told(problem: Any, model: type[Request]) -> str:
    key = str(problem["loc"][0])
    if problem["type"] == "extra_forbidden":
        return f"{key}: unknown key{did_you_mean(key, model.model_fields)} keys: {', '.join(model.model_fields)}"
    message = problem["msg"].removeprefix("Value error, ")
    given = "" if problem["type"] in ("value_error", "missing") else f"; it is {problem['input']!r}"
    return f"{key}: {message[0].lower()}{message[1:]}{given}"
