"""What became worse from one commit to another, of what asv measured, by its own comparison."""

from __future__ import annotations

import io
import math
import os
import re
from collections.abc import Iterator
from contextlib import redirect_stdout
from typing import Any, NamedTuple

from asv.benchmarks import Benchmarks
from asv.commands.compare import Compare
from asv.config import Config
from asv.console import log
from asv.results import iter_results_for_machine_and_hash
from run_asv import CONFIGURATION, HERE, MACHINE

PARTS = (("accuracy", "^accuracy", 1.01), ("time and memory", "^(?!accuracy)", 1.5))
"""What is judged together: its name, its benchmarks, and the factor from which on it is a regression."""


class NothingToCompareError(Exception):
    """The older commit has no results."""


def became_worse(name: str, pattern: str, factor: float, old: str, new: str, bench: list[str]) -> list[str]:
    """Print what changed in a part of the suite; returns what of it is worse."""
    os.chdir(HERE)  # what the configuration's paths are relative to
    configuration = Config.load(CONFIGURATION.name)
    asked = Benchmarks.load(configuration, regex=bench)
    judged = {key: asked.benchmark_selection[key] for key in asked if re.search(pattern, key)}
    if not judged:
        return []
    print(f"\n{name}, by a factor of more than {factor}:")
    before, after = (list(results_of(commit, configuration.results_dir, judged)) for commit in (old, new))
    if not any(value is not None and math.isfinite(value) for each in before for value in each.values):
        raise NothingToCompareError(f"none of this ran on {old[:8]}: there is nothing to compare with")
    after = [each._replace(values=[*lost(each, before)]) for each in after]
    log.enable()
    printed = io.StringIO()
    with redirect_stdout(printed):
        Compare.print_table(configuration, old, new, factor, False, before, after, only_changed=True, sort="ratio")
    print(printed.getvalue() or "nothing changed")
    return re.findall(r"^\| [+!] .* \| (\S.*?) *\|$", printed.getvalue(), re.MULTILINE)


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
