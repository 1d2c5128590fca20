"""What a study found and will do, in a few lines, before it starts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from embedkit import __version__, estimate, sampling
from embedkit.console import Console, duration
from embedkit.datasets import Dataset
from embedkit.errors import NotApplicable, counted, listing
from embedkit.plan import Bench, Plan, unsuited, untrainable
from embedkit.sampling import Evaluation
from embedkit.scores import headline_score, score_name
from embedkit.trials import Trial


def announce(plan: Plan, todo: Sequence[Trial], console: Console) -> None:
    """Say what was found, how it is divided, what is done and to do, and about how long that takes."""
    study = plan.study
    console.say(f"embedkit {__version__}: study {study.results_name!r}, {plan.device}, {counted(study.jobs, 'worker')}")
    for bench in plan.benches.values():
        for line in found(bench):
            console.say(line)
        score = headline_score(study.score, bench.evaluation.truth[bench.evaluation.tested])
        console.say(f"  protocol: {_protocol(bench.evaluation)}; score: {score_name(score)}")
    n_backbones = max(len(bench.backbones) for bench in plan.benches.values())
    factors = [
        counted(n_backbones, "backbone"),
        counted(len(study.parsed_codecs()), "codec"),
        counted(len({trial.head for trial in plan.trials}), "head"),
        f"budgets {', '.join(dict.fromkeys(trial.budget for trial in plan.trials))}",
        counted(study.repeats, "repeat"),
    ]
    if any(trial.fold is not None for trial in plan.trials):
        factors.append(f"{sampling.FOLDS} folds")
    console.say(f"{counted(len(plan.trials), 'trial')}: {' x '.join(factors)}")
    for bench in plan.benches.values():
        for line in not_applicable(bench):
            console.say(line)
        for reason in dict.fromkeys(_reasons(study.heads or (), bench)):
            if reason:
                console.say(f"  not applicable: {reason}")
    left = duration(estimate.total_seconds(plan, todo)) if todo else "nothing"
    console.say(f"{len(plan.trials) - len(todo)} done, {len(todo)} to do; about {left}" if todo else "all done")


def _reasons(heads: Sequence[str], bench: Bench) -> Iterator[str]:
    """Why each head cannot do what the data set asks for, or train one of its backbones; nothing where it can."""
    for head in heads:
        yield unsuited(head, bench)
        yield from (untrainable(head, backbone) for backbone in bench.backbones)


def found(bench: Bench) -> list[str]:
    """What a data set holds, and what its user should know."""
    dataset = bench.dataset
    lines = [f"{dataset.name}: {_contents(dataset)}"]
    lines.append(f"  {_answers(dataset)}")
    if dataset.unreadable:
        reasons = [f"{path} ({reason})" for path, reason in dataset.unreadable]
        lines.append(f"  left out, unreadable: {listing(reasons, most=3)}")
    return lines + [f"  note: {notice}" for notice in bench.notices]


def not_applicable(bench: Bench) -> list[str]:
    """The backbones that cannot work on a data set, and why."""
    return [
        f"  not applicable: {name}: {backbone}"
        for name, backbone in bench.backbones.items()
        if isinstance(backbone, NotApplicable)
    ]


def _answers(dataset: Dataset) -> str:
    """How often each class is there, or where the targets lie."""
    if dataset.targets is not None:
        low, middle, high = np.nanquantile(dataset.targets, (0, 0.5, 1))
        return f"targets: from {low:g} to {high:g}, median {middle:g}"
    sizes = np.bincount(dataset.labels[dataset.labels >= 0], minlength=len(dataset.classes))
    counts = [f"{name} {size}" for name, size in zip(dataset.classes, sizes, strict=True)]
    return f"classes: {listing(counts, most=12)}"


def _contents(dataset: Dataset) -> str:
    what = counted(len(dataset), "image" if dataset.vectors is None else "vector")
    what += "" if dataset.vectors is None else f" of {counted(dataset.vectors.shape[1], 'number')}"
    unlabelled = int((dataset.labels < 0).sum())
    duplicates = len(dataset) - len(np.unique(dataset.groups))
    answers = counted(len(dataset.classes), "class") if dataset.task == "classification" else "numeric targets"
    size = f" of {dataset.shape[1]}x{dataset.shape[0]}" if dataset.shape else ""
    return (
        f"{what}{size}, {unlabelled} unlabelled, {answers}, "
        f"{len(dataset.unreadable)} unreadable, {duplicates} in groups or duplicates"
    )


def _protocol(evaluation: Evaluation) -> str:
    if evaluation.kind == "cv":
        return (
            f"{sampling.FOLDS}-fold cross-validation of the {len(evaluation.candidates)} labelled images, divided anew "
            f"for each repeat; {counted(len(evaluation.pool), 'unlabelled image is', 'unlabelled images are')} the pool"
        )
    labelled = counted(len(evaluation.candidates), "labelled training image")
    return (
        f"{counted(len(evaluation.test), 'test image')}, {labelled}, "
        f"{counted(len(evaluation.pool), 'training image')} in the pool (labels unseen)"
    )
