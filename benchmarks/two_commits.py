"""Two commits, measured and compared: ``tox -e asv -- OLD NEW [--bench REGEX ...]``.

Both are built as wheels, and installed one after the other into an environment that borrows all libraries from the
Python that runs this (`hostvenv`): that of tox, where torch is there once. Nothing is downloaded. The suite is the one
of the working tree, for both. Rounds of time benchmarks alternate between the commits.

Printed is asv's comparison, in two parts with a factor each, since asv judges by one: accuracy, of which 1% more is a
regression, and all else, time and memory, of which 50% more is one. (`asv compare` ends with status 0 whatever it
finds, and `asv continuous` compares nothing where any benchmark failed.) A benchmark that fails on NEW but not on OLD
is a regression, too, and so is one that NEW skips, say for a head that it no longer has.

The exit status is 0 where nothing became worse, 1 where something did, and 2 where the commits cannot be compared.
"""

from __future__ import annotations

import argparse
import io
import math
import os
import re
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from typing import Any, NamedTuple, NoReturn

from asv.benchmarks import Benchmarks
from asv.commands.compare import Compare
from asv.config import Config
from asv.console import log
from asv.results import iter_results_for_machine_and_hash
from run_asv import CONFIGURATION, FAILURES, HERE, MACHINE, asv, edited, git, introduce_machine

PARTS = (("accuracy", "^accuracy", 1.01), ("time and memory", "^(?!accuracy)", 1.5))
"""What is judged together: its name, its benchmarks, and the factor from which on it is a regression."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="tox -e asv --", description="Measure two commits, and compare them.")
    parser.add_argument("old", help="a commit, tag or branch")
    parser.add_argument("new", help="another one")
    parser.add_argument("--bench", action="append", metavar="REGEX", help="only benchmarks that match; may be repeated")
    asked = parser.parse_args()
    old, new = commit(asked.old), commit(asked.new)
    if old == new:
        stop(f"{asked.old} and {asked.new} are the same commit, {old[:8]}: name two")
    if commit("HEAD") in (old, new) and (edits := edited()):
        stop(f"uncommitted edits are not benchmarked ({edits}): commit or stash them")
    bench = asked.bench or []
    failures = measure(old, new, bench)
    worse = [name for name, pattern, factor in PARTS if became_worse(name, pattern, factor, old, new, bench)]
    if failures:
        print("\nsome benchmarks failed: see above")
    print(
        f"\n{asked.new} is {'' if worse else 'not '}worse than {asked.old}"
        + (f" in {' and '.join(worse)}" if worse else "")
    )
    return 1 if worse else 0


def commit(name: str) -> str:
    """The hash of a commit."""
    found = git("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
    return found or stop(f"there is no commit {name!r} in this repository: give a hash, a tag or a branch")


def stop(told: str) -> NoReturn:
    print(f"error: {told}", file=sys.stderr)
    sys.exit(2)


def measure(old: str, new: str, bench: list[str]) -> bool:
    """Run the suite on both; returns whether a benchmark failed."""
    introduce_machine()
    chosen = [word for regex in bench for word in ("--bench", regex)]
    status = asv("run", "HASHFILE:-", "--interleave-rounds", "--machine", MACHINE, *chosen, given=f"{new}\n{old}\n")
    if status not in (0, FAILURES):
        stop("asv could not measure these commits; the reason stands above")
    return status == FAILURES


def became_worse(name: str, pattern: str, factor: float, old: str, new: str, bench: list[str]) -> bool:
    """Print what changed in a part of the suite; returns whether any of it is worse."""
    os.chdir(HERE)  # what the configuration's paths are relative to
    configuration = Config.load(CONFIGURATION.name)
    asked = Benchmarks.load(configuration, regex=bench)
    judged = {key: asked.benchmark_selection[key] for key in asked if re.search(pattern, key)}
    if not judged:
        return False
    print(f"\n{name}, by a factor of more than {factor}:")
    before, after = (list(results_of(commit, configuration.results_dir, judged)) for commit in (old, new))
    if not any(value is not None and math.isfinite(value) for each in before for value in each.values):
        stop(f"none of this ran on {old[:8]}: there is nothing to compare with")
    after = [each._replace(values=[*lost(each, before)]) for each in after]
    log.enable()
    printed = io.StringIO()
    with redirect_stdout(printed):
        worse, _ = Compare.print_table(
            configuration, old, new, factor, False, before, after, only_changed=True, sort="ratio"
        )
    print(printed.getvalue() or "nothing changed")
    return bool(worse)


class Measured(NamedTuple):
    """What asv's comparison takes: a benchmark on a commit, with a value for each combination of its parameters.

    A value is None where the benchmark failed, and NaN where it was skipped.
    """

    key: str
    params: list[list[str]]
    values: list[float | None]
    stats: Any
    samples: Any
    version: str | None
    machine: str
    environment: str


def results_of(commit: str, folder: str, judged: dict[str, list[int] | None]) -> Iterator[Measured]:
    """Of the combinations that were asked for; others, of which there may be older results, count as skipped."""
    for result in iter_results_for_machine_and_hash(folder, MACHINE, commit):
        if result.env_name.startswith("hostvenv"):
            for key in judged.keys() & result.get_all_result_keys():
                params, chosen = result.get_result_params(key), judged[key]
                values = [
                    value if chosen is None or place in chosen else math.nan
                    for place, value in enumerate(result.get_result_value(key, params))
                ]
                noise = result.get_result_stats(key, params), result.get_result_samples(key, params)
                version = result.benchmark_version.get(key)
                yield Measured(key, params, values, *noise, version, MACHINE, result.env_name)


def lost(measured: Measured, before: list[Measured]) -> Iterator[float | None]:
    """The values of NEW; what it skipped and OLD did not counts as failed."""
    same = [each.values for each in before if (each.key, each.environment) == (measured.key, measured.environment)]
    for place, value in enumerate(measured.values):
        had = any(values[place] is not None and math.isfinite(values[place]) for values in same)
        yield None if had and value is not None and math.isnan(value) else value


if __name__ == "__main__":
    sys.exit(main())
