"""Running a study: make the embeddings once, run the trials that are missing, keep every row as it comes."""

from __future__ import annotations

import dataclasses
import datetime
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import wait
from pathlib import Path
from typing import Any, Protocol, TypeVar

from embedkit import engines, estimate, results
from embedkit.announce import announce
from embedkit.backbones import Backbone
from embedkit.console import Console
from embedkit.embeddings import store
from embedkit.embeddings.extract import effective_key, extract, forward_passes
from embedkit.embeddings.held import HeldImages
from embedkit.environment import facts
from embedkit.errors import EmbedkitError, NotApplicable, Unwritable, counted
from embedkit.plan import Bench, Plan, unsuited, untrainable
from embedkit.results import Outcome
from embedkit.task_maker import TaskMaker, device_of, trains_network
from embedkit.trials import Task, Trial, groups


def run_study(plan: Plan, console: Console, dry_run: bool = False) -> Path:
    """Do what is left to do of a study; returns the results folder.

    Raises
    ------
    EmbedkitError
        Where results cannot be written or an embedding cannot be made.
    """
    folder = plan.study.folder
    if dry_run:
        done = results.settled_keys_at(folder)
        announce(plan, [trial for trial in plan.trials if trial.key() not in done], console)
        return folder
    with results.open_results(folder) as connection:
        done = results.settled_keys(connection)
        todo = [trial for trial in plan.trials if trial.key() not in done]
        if any(not trial.is_timed for trial in todo):
            wait(engines.warm_up(plan.study.jobs))  # beside starting workers, torch's threads would crawl
        announce(plan, todo, console)
        if todo:
            started = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
            run_id = results.start_run(
                connection,
                started,
                {**facts(plan.device, plan.study.jobs), "study": plan.study.model_dump(mode="json", exclude_none=True)},
            )
            todo = _suited(plan, todo, connection, run_id)
            download(plan.benches, todo, console)
            todo = make_embeddings(plan.benches, plan.device, todo, connection, run_id, console)
            together = [trial for trial in todo if not trial.is_timed]
            alone = [trial for trial in todo if trial.is_timed]
            on_images = [trial for trial in together if trains_network(trial)]
            on_rows = [trial for trial in together if not trains_network(trial)]
            on_gpu = [trial for trial in on_rows if device_of(trial, plan.device) != "cpu"]
            on_cpu = [trial for trial in on_rows if device_of(trial, plan.device) == "cpu"]
            _run_trials(plan, on_gpu, connection, run_id, console, jobs=1)
            _run_trials(plan, on_cpu, connection, run_id, console, jobs=plan.study.jobs)
            _run_trials(plan, on_images, connection, run_id, console, jobs=1, threads=plan.study.jobs)
            _run_trials(plan, alone, connection, run_id, console, jobs=1, timed=True)
    return folder


def _suited(plan: Plan, todo: Sequence[Trial], connection: sqlite3.Connection, run_id: int) -> list[Trial]:
    """The trials whose head can do what is asked of it; stores rows for the others."""
    by_reason: dict[str, list[Trial]] = {}
    for trial in todo:
        reason = unsuited(trial.head, plan.benches[trial.dataset]) or untrainable(trial.head, trial.backbone)
        by_reason.setdefault(reason, []).append(trial)
    suited = by_reason.pop("", [])
    for reason, trials in by_reason.items():
        write_reason(plan.benches, trials, "not_applicable", reason, connection, run_id)
    return suited


class Measurement(Protocol):
    """What trials and their like have in common: a frozen dataclass of columns, with a key, about one embedding."""

    @property
    def experiment(self) -> str: ...

    @property
    def dataset(self) -> str: ...

    @property
    def backbone(self) -> str: ...

    def key(self) -> str: ...


Measured = TypeVar("Measured", bound=Measurement)


def download(benches: Mapping[str, Bench], todo: Sequence[Measurement], console: Console) -> None:
    """Get the weights that are not here yet, before any work that would wait for them."""
    for dataset, name in _by_embedding(todo):
        backbone = benches[dataset].backbones[name]
        if isinstance(backbone, Backbone) and backbone.download:
            console.say(f"downloading {backbone.download}")
            backbone.network("cpu", lambda share, doing: None)


def make_embeddings(
    benches: Mapping[str, Bench],
    device: str,
    todo: Sequence[Measured],
    connection: sqlite3.Connection,
    run_id: int,
    console: Console,
) -> list[Measured]:
    """Embed what is not in the store; returns the trials whose embedding is there, and stores rows for the others."""
    possible: list[Measured] = []
    held = HeldImages()
    for (dataset, name), trials in _by_embedding(todo).items():
        bench = benches[dataset]
        backbone = bench.backbones[name]
        if isinstance(backbone, NotApplicable):
            write_reason(benches, trials, "not_applicable", str(backbone), connection, run_id)
            continue
        if store.is_complete(effective_key(bench.dataset, backbone, device)):
            possible += trials
            continue
        try:
            with console.stage(f"embedding {dataset} with {name}", forward_passes(bench.dataset, backbone)) as advance:
                extract(bench.dataset, backbone, device, advance, console.say, held)
        except KeyboardInterrupt:
            kept = store.rows_there(effective_key(bench.dataset, backbone, device), len(bench.dataset))
            console.say(f"  kept: {kept} of {len(bench.dataset)} embeddings, in whole shards of {store.SHARD_ROWS}")
            raise
        except Unwritable:
            raise
        except Exception as error:  # one network that fails must not cost the trials of the others
            reason = str(error) if isinstance(error, EmbedkitError) else f"{type(error).__name__}: {error}"
            console.say(f"  failed: {reason}")
            write_reason(benches, trials, "failed", reason, connection, run_id)
            continue
        possible += trials
    return possible


def _by_embedding(todo: Sequence[Measured]) -> dict[tuple[str, str], list[Measured]]:
    found: dict[tuple[str, str], list[Measured]] = {}
    for trial in todo:
        found.setdefault((trial.dataset, trial.backbone), []).append(trial)
    return found


def _run_trials(
    plan: Plan,
    todo: Sequence[Trial],
    connection: sqlite3.Connection,
    run_id: int,
    console: Console,
    *,
    jobs: int,
    threads: int = 1,
    timed: bool = False,
) -> None:
    """Run trials group by group, and store each group's rows when they come."""
    if not todo:
        return
    from embedkit.measure import evaluate

    tasks = TaskMaker(plan)
    cost = {trial.key(): estimate.trial_seconds(plan, trial, tasks.dim(trial)) for trial in todo}

    def order(group: Sequence[Trial]) -> tuple[Any, ...]:
        longest_first = -sum(cost[trial.key()] for trial in group)
        return (group[0].dataset, group[0].backbone, longest_first) if jobs == 1 else (longest_first,)

    ordered = sorted(groups(todo, plan.device), key=order)

    def work() -> Iterator[tuple[list[Task], bool]]:
        for group in ordered:
            made = []
            for trial in group:
                try:
                    made.append(tasks.make(trial, connection))
                except NotApplicable as reason:
                    write_reason(plan.benches, [trial], "not_applicable", str(reason), connection, run_id)
            if made:
                yield made, timed

    title = counted(len(todo), "trial") + (", one at a time, to measure what heads cost" if timed else "")
    done_cost, done = 0.0, 0
    with console.stage(title, sum(cost.values())) as advance:
        for outcomes in engines.run(evaluate, work(), jobs, threads):
            results.write(connection, run_id, outcomes)
            done += len(outcomes)
            done_cost += sum(cost[row["key"]] for row, _ in outcomes)
            first = outcomes[0][0]
            advance(done_cost, f"{done} of {len(todo)} trials, {first['backbone']}, {first['head']}")


def write_reason(
    benches: Mapping[str, Bench],
    trials: Sequence[Measurement],
    status: str,
    reason: str,
    connection: sqlite3.Connection,
    run_id: int,
) -> None:
    """Rows for trials that could not begin."""
    rows: list[Outcome] = []
    for trial in trials:
        row = dataclasses.asdict(trial)  # type: ignore[call-overload]
        evaluation = benches[trial.dataset].evaluation
        about = {"experiment": trial.experiment, "task": evaluation.task, "evaluation": evaluation.kind}
        rows.append((row | about | {"key": trial.key(), "status": status, "error": reason}, None))
    results.write(connection, run_id, rows)
