"""Plan: a study looked up as a whole; which trials it means, and what stands in their way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch

from embedkit import artefacts, sampling
from embedkit.backbones import Backbone, Images, control_of, make_backbone
from embedkit.codecs import make_codec
from embedkit.console import Console
from embedkit.datasets import Dataset, dataset_spec
from embedkit.errors import EmbedkitError, NotApplicable
from embedkit.heads import HEADS, head_recipe
from embedkit.opening import opened
from embedkit.request import Request
from embedkit.sampling import MIN_CLASS_SIZE, Budget, Evaluation
from embedkit.scores import check_score
from embedkit.spec import Spec, parse, shown_name
from embedkit.study import Study
from embedkit.trials import Trial

SMALL_SIDE_MAX = 32


@dataclass(frozen=True, eq=False)
class Bench:
    """One data set of a study, with all that trials on it share.

    `backbones` holds, by the name shown in tables, the backbone or the reason why it is not applicable.
    """

    dataset: Dataset
    evaluation: Evaluation
    budgets: list[Budget]
    backbones: dict[str, Backbone | NotApplicable]
    notices: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Plan:
    """What a study will do."""

    study: Study
    device: str
    benches: dict[str, Bench]
    trials: list[Trial]


def unsuited(head: str, bench: Bench) -> str:
    """Why a head cannot do what a data set asks for, or nothing where it can."""
    name = parse(head).name
    if bench.dataset.task in HEADS[name].tasks:
        return ""
    return f"{name} tells classes apart; {bench.dataset.name} has numeric targets"


def untrainable(head: str, backbone: str) -> str:
    """Why a head cannot train a backbone, or nothing where it can or does not want to."""
    name = parse(head).name
    if not HEADS[name].trains_network or control_of(parse(backbone)) is not None:
        return ""
    return f"{name} trains a network; {backbone} has none"


def make_plan(study: Study, console: Console, given: Dataset | None = None) -> Plan:
    """Open the data sets, divide them, bind the backbones and list the trials.

    `given` is a data set that is there already, in place of those that the study names.

    Raises
    ------
    EmbedkitError
        Where a data set cannot be read, or budgets that were written do not fit: all of them at once.
    """
    device = chosen_device(study.device)
    benches = open_benches(study, console, study.evaluation, study.min_class_size, given)
    problems: list[str] = []
    for name, bench in benches.items():
        check_score(study.score, bench.dataset.task, name)
        budgets, left_out = _fitting_budgets(study, bench.dataset, bench.evaluation)
        if study.budgets is not None and study.draw == "balanced":
            problems += left_out.values()
            if left_out:
                continue
        if not budgets:
            raise EmbedkitError(f"no default budget fits; {next(iter(left_out.values()))}")
        notices = bench.notices
        if left_out:
            notices += (f"budgets {', '.join(left_out)} are left out; {next(iter(left_out.values()))}",)
        benches[name] = replace(bench, budgets=budgets, notices=notices)
    if problems:
        raise EmbedkitError("\n".join(problems))
    return Plan(study, device, benches, list(_trials(study, benches)))


def open_benches(
    request: Request,
    console: Console,
    evaluation: str = "auto",
    min_class_size: int = MIN_CLASS_SIZE,
    given: Dataset | None = None,
) -> dict[str, Bench]:
    """Open the data sets that are asked for, or take the `given` one, divide them and bind the backbones; no budgets.

    Raises
    ------
    EmbedkitError
        Where a data set cannot be read or divided, or two data sets or backbones are the same.
    """
    benches: dict[str, Bench] = {}
    for dataset in (
        [given]
        if given
        else [opened(text, dataset_spec(text, request.labels), request.task, console) for text in request.datasets]
    ):
        _check_twins(dataset, benches)
        divided = sampling.plan_evaluation(dataset, evaluation, min_class_size)
        backbones = _bound_backbones(request, dataset, divided)
        benches[dataset.name] = Bench(dataset, divided, [], backbones, (*dataset.notices, *divided.notices))
    return benches


def _check_twins(dataset: Dataset, benches: dict[str, Bench]) -> None:
    """Data sets that are shown, or drawn and keyed, alike could not be told apart in the results."""
    if dataset.name in benches:
        raise EmbedkitError(f"two data sets are called {dataset.name!r}; tell them apart by folder(path=..., name=...)")
    for name, bench in benches.items():
        if bench.dataset.fingerprint == dataset.fingerprint:
            raise EmbedkitError(f"{name} and {dataset.name} hold the same images, labels and splits; leave one out")


def data_sha256(dataset: Dataset, evaluation: Evaluation, min_class_size: int) -> str:
    """Of what trials draw from: images, labels and how they are divided."""
    return artefacts.key([dataset.fingerprint, evaluation.kind, min_class_size])


def chosen_device(asked: str) -> str:
    """The device that torch is to use.

    Raises
    ------
    EmbedkitError
        Where it is not there.
    """
    if asked == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if asked.startswith("cuda") and not torch.cuda.is_available():
        raise EmbedkitError(f"--device {asked}: torch finds no CUDA device; use --device cpu or auto")
    return asked


def _fitting_budgets(study: Study, dataset: Dataset, evaluation: Evaluation) -> tuple[list[Budget], dict[str, str]]:
    """The budgets that fit, and why the others do not."""
    fitting, reasons = [], {}
    for budget in study.parsed_budgets(dataset.task):
        capped = study.draw == "capped" and study.budgets is not None and budget.unit == "per class"
        reason = "" if capped else sampling.check_budget(evaluation, dataset.name, budget, study.repeats)
        if reason:
            reasons[str(budget)] = reason
        else:
            fitting.append(budget)
    return fitting, reasons


def _bound_backbones(request: Request, dataset: Dataset, evaluation: Evaluation) -> dict[str, Backbone | NotApplicable]:
    images = Images(dataset, evaluation.pool)
    asked = {shown_name(spec) for spec in request.parsed_backbones()}
    bound: dict[str, Backbone | NotApplicable] = {}
    for spec in _backbone_specs(request, dataset):
        shown = shown_name(spec)
        if shown in bound:
            raise EmbedkitError(f"two backbones are shown as {shown}; rename one of their files")
        try:
            backbone = make_backbone(spec, images, request.trust_code)
        except NotApplicable as reason:
            bound[shown] = reason
            continue
        twins = [name for name, b in bound.items() if isinstance(b, Backbone) and b.recipe == backbone.recipe]
        for twin in twins:
            if twin in asked:
                raise EmbedkitError(f"{twin} and {shown} are the same backbone on {dataset.name}; leave one out")
            del bound[twin]  # a control that was asked for in other words
        bound[shown] = backbone
    return bound


def _backbone_specs(request: Request, dataset: Dataset) -> list[Spec]:
    """The backbones that were asked for, or fit the images, with their controls first."""
    asked = request.parsed_backbones()
    if dataset.vectors is not None:
        wrong = [spec for spec in asked if spec.name != "vectors"]
        if wrong:
            raise EmbedkitError(
                f"the backbone {wrong[0].name!r} needs images; {dataset.name} holds vectors: leave it out"
            )
        return [Spec("vectors")]
    if not asked:
        small = dataset.shape is not None and max(dataset.shape[:2]) <= SMALL_SIDE_MAX
        asked = [Spec("autoencoder" if small else "resnet50")]
    controls = [control_of(spec) for spec in asked] if request.controls else []
    first = [Spec("pixels")] if request.controls else []
    return list(dict.fromkeys([*first, *(spec for spec in controls if spec), *asked]))


def _trials(study: Study, benches: dict[str, Bench]) -> Iterator[Trial]:
    for name, bench in benches.items():
        for backbone_name, backbone in bench.backbones.items():
            recipe = backbone_name if isinstance(backbone, NotApplicable) else backbone.recipe
            chains = study.parsed_codecs()
            for chain in chains:
                for head in study.parsed_heads(bench.dataset.task):
                    member = HEADS[head.name]
                    if member.trains_network and chain != chains[0]:
                        continue  # it sees no stored embeddings
                    data = data_sha256(bench.dataset, bench.evaluation, study.min_class_size)
                    versions = [make_codec(chain).version, head_recipe(head, study.selection)]
                    trial = Trial(
                        dataset=name,
                        backbone=backbone_name,
                        codec=" | ".join(map(str, chain)),
                        head=str(head),
                        budget="",
                        repeat=0,
                        fold=None,
                        selection=study.selection,
                        data_sha256=data,
                        inputs_sha256=artefacts.key([data, recipe, *versions]),
                    )
                    for budget in bench.budgets:
                        once = budget.unit == "all" and member.deterministic and bench.evaluation.kind == "fixed"
                        for repeat in range(1 if once else study.repeats):
                            for fold in bench.evaluation.folds:
                                yield replace(trial, budget=str(budget), repeat=repeat, fold=fold)
