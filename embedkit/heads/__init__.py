"""Classifiers and regressors that can sit on an embedding. A new head is one function and one line in `families`."""

from __future__ import annotations

from typing import Any

from embedkit.errors import EmbedkitError, NotApplicable
from embedkit.heads.families import (
    champion,
    discriminant,
    finetune,
    fully_connected,
    gaussian_process,
    linear,
    neighbors,
    pool,
    svm,
    trees,
)
from embedkit.heads.head import Head, Task
from embedkit.spec import Spec, checked_params, find, parameters, parse

HEADS: dict[str, Head] = (
    fully_connected.HEADS
    | svm.HEADS
    | linear.HEADS
    | discriminant.HEADS
    | neighbors.HEADS
    | trees.HEADS
    | gaussian_process.HEADS
    | pool.HEADS
    | champion.HEADS
    | finetune.HEADS
)


def check_head(spec: Spec) -> None:
    """Check the names and parameters of a spec, and of the heads inside it.

    Raises
    ------
    EmbedkitError
        Where the head or a parameter is unknown, a value is out of bounds, or values or heads do not go together.
    """
    head: Head = find("head", spec, HEADS)
    params = checked_params(spec, head.build)
    for value in params.values():
        for member in value if isinstance(value, tuple) else (value,):
            if isinstance(member, Spec):
                check_head(member)
                if HEADS[member.name].trains_network:
                    raise EmbedkitError(
                        f"{spec}: {member.name} trains on images, and {spec.name} works on embeddings; leave it out"
                    )
    if len(params) > 1 or any(isinstance(value, Spec | tuple) for value in params.values()):
        head.build(0, head.tasks[0], **params)


def make_head(spec: str | Spec, seed: int = 0, task: Task = "classification") -> Any:
    """Build an unfitted scikit-learn estimator from a spec such as ``svm(C=10)``.

    Raises
    ------
    EmbedkitError
        Where the head or a parameter is unknown, a value is out of bounds, or the head is for another task.
    """
    spec = parse(spec) if isinstance(spec, str) else spec
    check_head(spec)
    head = HEADS[spec.name]
    if head.trains_network:
        raise EmbedkitError(
            f"{spec.name} trains a network on images and not on embeddings: name it among the heads of a study, or "
            f"give a network and images to embedkit.heads.finetune.FineTunedClassifier (or FineTunedRegressor)"
        )
    if task not in head.tasks:
        raise EmbedkitError(f"{spec.name} is for {head.tasks[0]}; for {task} use one of: {', '.join(names(task))}")
    try:
        return head.build(seed, task, **dict(spec.params))
    except NotApplicable as reason:
        raise EmbedkitError(str(reason)) from None


def names(task: Task) -> list[str]:
    """The heads on embeddings that can do a task."""
    return [name for name, head in HEADS.items() if task in head.tasks and not head.trains_network]


def head_recipe(spec: Spec, selection: str) -> list[Any]:
    """What decides the predictions of a head beyond its spec: versions, and the grids that selection tries."""
    head = HEADS[spec.name]
    grid = {} if selection == "default" else {name: list(values) for name, values in head.grid.items()}
    inside = members(spec) or ([Spec("linear")] if head.trains_network else [])
    return [head.version, grid, [[str(member), head_recipe(member, selection)] for member in inside]]


def members(spec: Spec) -> list[Spec]:
    """The heads inside a spec."""
    values = [each for value in all_params(spec).values() for each in (value if isinstance(value, tuple) else (value,))]
    return [value for value in values if isinstance(value, Spec)]


def all_params(spec: Spec) -> dict[str, Any]:
    """What a spec wrote, and the defaults of the other parameters."""
    build = HEADS[spec.name].build
    return {name: p.default for name, p in parameters(build).items()} | checked_params(spec, build)
