"""Running comparisons: make the embeddings once, compare what is missing, keep every row as it comes."""

from __future__ import annotations

import datetime
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from embedkit import __version__, engines, results, sampling
from embedkit.announce import found, not_applicable
from embedkit.backbones import Backbone
from embedkit.codecs import make_codec
from embedkit.console import Console
from embedkit.distance.comparison import ALL_PAIRS, Comparison, Part, Tested, evaluate
from embedkit.distance.episodes import Episodes
from embedkit.distance.metrics import make_metric
from embedkit.distance.plan import DistancePlan
from embedkit.embeddings.extract import effective_key
from embedkit.environment import facts
from embedkit.errors import counted
from embedkit.experiment import download, make_embeddings
from embedkit.results import ImageSet
from embedkit.spec import parse, parse_chain
from embedkit.task_maker import about_backbone


def run_distances(plan: DistancePlan, console: Console, dry_run: bool = False) -> Path:
    """Do what is left to do; returns the results folder.

    Raises
    ------
    EmbedkitError
        Where results cannot be written or an embedding cannot be made.
    """
    folder = plan.request.folder
    if dry_run:
        _announce(plan, results.settled_keys_at(folder), console)
        return folder
    with results.open_results(folder) as connection:
        done = results.settled_keys(connection)
        _announce(plan, done, console)
        todo = [comparison for comparison in plan.comparisons if comparison.key() not in done]
        if todo:
            started = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
            asked = plan.request.model_dump(mode="json", exclude_none=True)
            run_facts = {**facts(plan.device, plan.request.jobs), "distances": asked}
            run_id = results.start_run(connection, started, run_facts)
            download(plan.benches, todo, console)
            todo = make_embeddings(plan.benches, plan.device, todo, connection, run_id, console)
            _compare(plan, todo, connection, run_id, console)
    return folder


def _announce(plan: DistancePlan, done: set[str], console: Console) -> None:
    console.say(f"embedkit {__version__}: distances {plan.request.results_name!r}, {plan.device}")
    for bench in plan.benches.values():
        for line in found(bench):
            console.say(line)
        evaluation = bench.evaluation
        n_classes = len(set(evaluation.labels[evaluation.tested]))
        console.say(
            f"  compared: {len(evaluation.tested)} {_TESTED[evaluation.kind]} of {n_classes} classes; "
            f"{counted(len(evaluation.pool), 'other is', 'others are')} the pool (labels unseen)"
        )
        for line in not_applicable(bench):
            console.say(line)
    left = sum(comparison.key() not in done for comparison in plan.comparisons)
    console.say(f"{counted(len(plan.comparisons) - left, 'comparison')} done, {left} to do" if left else "all done")


_TESTED = {"fixed": "test images", "cv": "labelled images"}


def _compare(
    plan: DistancePlan, todo: Sequence[Comparison], connection: sqlite3.Connection, run_id: int, console: Console
) -> None:
    """Run comparisons that share distances together, and store their rows when they come."""
    if not todo:
        return
    together: dict[tuple[str, ...], list[Comparison]] = {}
    for comparison in todo:
        place = (comparison.dataset, comparison.backbone, comparison.codec, comparison.metric)
        together.setdefault(place, []).append(comparison)
    by_budget: dict[str, Episodes | None] = {str(episodes): episodes for episodes in plan.request.parsed_episodes()}
    by_budget[ALL_PAIRS] = None

    def work() -> Iterator[tuple[list[Part], Tested]]:
        for comparisons in together.values():
            tested, known = _tested(plan, comparisons[0], connection)
            parts = []
            for comparison in comparisons:
                episodes = by_budget[comparison.budget]
                n_labeled = episodes.ways * episodes.shots if episodes else 0
                parts.append((comparison, episodes, known | {"n_labeled": n_labeled}))
            yield parts, tested

    count = 0
    with console.stage(counted(len(todo), "comparison"), len(todo)) as advance:
        for outcomes in engines.run(evaluate, work(), plan.request.jobs):
            results.write(connection, run_id, outcomes)
            count += len(outcomes)
            first = outcomes[0][0]
            advance(count, f"{count} of {len(todo)} comparisons, {first['backbone']}, {first['metric']}")


def _tested(
    plan: DistancePlan, comparison: Comparison, connection: sqlite3.Connection
) -> tuple[Tested, dict[str, Any]]:
    """The images that are compared, and the columns that they and the backbone decide."""
    bench = plan.benches[comparison.dataset]
    backbone = bench.backbones[comparison.backbone]
    assert isinstance(backbone, Backbone)
    evaluation = bench.evaluation
    here = evaluation.tested
    labels, groups = evaluation.labels[here], evaluation.groups[here]
    images = ImageSet.of([evaluation.ids[i] for i in here], labels, groups, evaluation.classes)
    results.write_image_set(connection, images)
    key = effective_key(bench.dataset, backbone, plan.device)
    seed = int.from_bytes(sampling.rank_hash("distances", evaluation.salt)[:4], "big")
    tested = Tested(key, comparison.codec, comparison.metric, here, labels, groups, evaluation.pool, seed)
    learned = (
        backbone.training_passes
        or make_codec(parse_chain(comparison.codec)).uses_pool
        or make_metric(parse(comparison.metric)).fit
    )
    return tested, about_backbone(key, backbone) | {
        "experiment": comparison.experiment,
        "task": "classification",
        "evaluation": evaluation.kind,
        "n_pool": len(evaluation.pool),
        "n_test": len(here),
        "n_classes": len(set(labels)),
        "test_sha256": images.sha256,
        "fitted_on": "pool" if learned else "nothing",
    }
