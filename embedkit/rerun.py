"""Running a shipped study again, to see whether its reference still holds."""

from __future__ import annotations

from typing import Any

import pandas as pd

from embedkit import results
from embedkit.backbones import Backbone
from embedkit.console import Console
from embedkit.errors import EmbedkitError, counted
from embedkit.experiment import run_study
from embedkit.frames import load_results
from embedkit.outcomes import study_rows
from embedkit.plan import Plan, make_plan
from embedkit.side_by_side.judgement import judge
from embedkit.side_by_side.pairs import TRIAL, Side
from embedkit.side_by_side.references import asked_again, reference_named
from embedkit.study import Study


def verify_reference(name: str, *, verbose: bool = False, **keys: Any) -> pd.DataFrame:
    """Run a shipped study again and judge its reference by it, trial by trial: what ``embedkit verify-reference`` does.

    Parameters
    ----------
    name : str
        A study of which embedkit holds results, or the beginning of its name, such as ``"digits"``.
    verbose : bool
        Print what ``embedkit run`` prints while it works.
    **keys
        backbones, heads, budgets, repeats: a part of the study, whose trials are those of the whole; jobs, device, and
        `out`, the folder in which ``out/NAME`` is made or gone on with.

    Returns
    -------
    DataFrame
        A row per data set, backbone, codec, selection, head and budget: ``rule`` (what was asked), ``trials``,
        ``pairs`` (those on the label draws and test images of the reference), ``wrong`` (why others are none),
        ``equal_predictions`` (a share), ``difference`` (rerun - reference; positive where the rerun is better) with
        ``low`` and ``high`` (95% over label draws and test images), and ``verdict``: "verified", "refuted" or
        "undecided".

    Notes
    -----
    Every trial must be on the reference's label draw and test images, and end as it did. Heads without chance
    (`embedkit.heads.HEADS`, ``deterministic``) must give at least 99.5% equal predictions ("equal"). Where the
    embedding depends on the machine, since its network was trained on the pool or computes in as many bits as the
    processor is made for, an interval of the paired difference within 1 point will do ("equal or level"); all other
    heads are judged by that interval alone ("level"). A cell that is neither level nor differs (corrected by Holm over
    all cells) is undecided.

    Raises
    ------
    EmbedkitError
        Where there is no such reference, the reference has no such trials, or the study cannot run.
    """
    console = Console(quiet=not verbose)
    plan, reference = plan_rerun(asked_again(name, keys), console)
    return judge(rerun(plan, console), reference, by_machine(plan))


def _check_place(study: Study, reference: Side) -> None:
    """Rows of other studies would be lost among these, and a reference cannot be its own rerun."""
    if study.folder.resolve() == reference.folder.resolve():
        raise EmbedkitError(f"{study.folder} is the reference itself; give another --out")
    if not (study.folder / results.FILE).exists():
        return
    held, meant = (sorted(set(rows["dataset"])) for rows in (load_results(study.folder), reference.rows))
    if set(held) - set(meant):
        raise EmbedkitError(
            f"{study.folder} holds results on {', '.join(held)}, and the reference is on {', '.join(meant)}; "
            "give another --out"
        )


def plan_rerun(study: Study, console: Console) -> tuple[Plan, Side]:
    """The plan of a rerun, and the trials of its reference.

    Raises
    ------
    EmbedkitError
        Where the reference has no such trials, or the study cannot run.
    """
    folder = reference_named(study.results_name)
    reference = Side(folder, study_rows(folder))
    _check_place(study, reference)
    plan = make_plan(study, console)
    there = {_names(trial) for trial in reference.rows[list(TRIAL)].itertuples()}
    missing = [trial for trial in plan.trials if _names(trial) not in there]
    if missing:
        first = f"{missing[0].backbone}, {missing[0].head}, budget {missing[0].budget}, repeat {missing[0].repeat}"
        held = {name: ", ".join(map(str, reference.rows[name].unique())) for name in ("backbone", "head", "budget")}
        raise EmbedkitError(
            f"{len(missing)} of {counted(len(plan.trials), 'trial')} are not in the reference {folder.name} (first: "
            f"{first}); backbones there: {held['backbone']}; heads: {held['head']}; budgets: {held['budget']}; "
            f"repeats: {reference.rows['repeat'].nunique()}"
        )
    return plan, reference


def _names(trial: Any) -> tuple[str, ...]:
    return tuple("" if pd.isna(value := getattr(trial, name)) else str(value) for name in TRIAL)


def rerun(plan: Plan, console: Console) -> Side:
    """Do what is left to do; returns the trials of the plan."""
    folder = run_study(plan, console)
    return Side(folder, study_rows(folder, [trial.key() for trial in plan.trials]))


def by_machine(plan: Plan) -> set[tuple[str, str]]:
    """The data sets and backbones of which the embeddings may differ from machine to machine."""
    return {
        (dataset, name)
        for dataset, bench in plan.benches.items()
        for name, backbone in bench.backbones.items()
        if isinstance(backbone, Backbone) and (backbone.training_passes or backbone.precision == "auto")
    }
