"""Two commits, measured and compared: ``tox -e asv -- OLD NEW [--bench REGEX ...]``.

Both are built as wheels, and installed one after the other into an environment that borrows all libraries from the
Python that runs this (`hostvenv`): that of tox, where torch is there once. Nothing is downloaded. The suite is the one
of the working tree, for both. Rounds of time benchmarks alternate between the commits.

Printed is asv's comparison, in two parts with a factor each, since asv judges by one: accuracy, of which 1% more is a
regression, and all else, time and memory, of which 50% more is one. (`asv compare` ends with status 0 whatever it
finds, and `asv continuous` compares nothing where any benchmark failed.) A benchmark that fails on NEW but not on OLD
is a regression, too.

The exit status is 0 where nothing became worse, 1 where something did, and 2 where the commits cannot be compared.
"""

from __future__ import annotations

import argparse
import math
import os
import re
import sys
from collections.abc import Iterator
from typing import Any, NoReturn

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
    judged = [key for key in Benchmarks.load(configuration, regex=bench) if re.search(pattern, key)]
    if not judged:
        return False
    print(f"\n{name}, by a factor of more than {factor}:")
    sides = [list(results_of(commit, configuration.results_dir, judged)) for commit in (old, new)]
    if not any(value is not None and math.isfinite(value) for _, _, values, *_ in sides[0] for value in values or ()):
        stop(f"none of this ran on {old[:8]}: there is nothing to compare with")
    log.enable()
    worse, better = Compare.print_table(configuration, old, new, factor, False, *sides, only_changed=True, sort="ratio")
    if not (worse or better):
        print("nothing changed")
    return bool(worse)


def results_of(commit: str, folder: str, judged: list[str]) -> Iterator[tuple[Any, ...]]:
    """What asv's comparison takes, of the benchmarks to judge."""
    for result in iter_results_for_machine_and_hash(folder, MACHINE, commit):
        if result.env_name.startswith("hostvenv"):
            for key in set(judged) & set(result.get_all_result_keys()):
                params = result.get_result_params(key)
                found = (
                    read(key, params)
                    for read in (result.get_result_value, result.get_result_stats, result.get_result_samples)
                )
                yield key, params, *found, result.benchmark_version.get(key), MACHINE, result.env_name


if __name__ == "__main__":
    sys.exit(main())
