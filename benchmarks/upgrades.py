"""Did an upgrade change our answers? ``python benchmarks/upgrades.py [--bench REGEX ...]``

Builds the environments of ``asv.upgrades.conf.json`` (some GB each, downloaded; kept in ``.asv/upgrades``), runs the
accuracies of the suite in each on the last commit, and prints which of them are otherwise, by more than 1%, with an
older library than with all current ones. What was measured before is not measured again.

The exit status is 0 where none is, 1 where some are, or fail with the older library, and 2 where asv failed.
"""

from __future__ import annotations

import argparse
import os
import sys

import pandas as pd
from asv.config import Config
from asv.environment import Environment, get_environments
from regressions import PARTS
from run_asv import FAILURES, HERE, MACHINE, asv, git, introduce_machine

import embedkit as ek

CONFIGURATION = "asv.upgrades.conf.json"
_, ACCURACY, FACTOR = PARTS[0]


def main() -> int:
    parser = argparse.ArgumentParser(description="Compare accuracies between versions of libraries.")
    parser.add_argument("--bench", action="append", metavar="REGEX", help="only accuracies that match; may be repeated")
    chosen = [word for regex in parser.parse_args().bench or [ACCURACY] for word in ("--bench", regex)]
    commit = git("rev-parse", "HEAD")
    introduce_machine()
    where = ["--config", CONFIGURATION, "--machine", MACHINE, "--skip-existing-successful"]
    status = asv("run", *where, *chosen, "HASHFILE:-", given=f"{commit}\n")
    if status not in (0, FAILURES):
        print("error: asv could not measure this commit; the reason stands above", file=sys.stderr)
        return 2
    os.chdir(HERE)  # what the configuration's paths are relative to
    configuration = Config.load(CONFIGURATION)
    environments = list(get_environments(configuration, []))
    newest = {name: versions[-1] for name, versions in configuration.matrix["req"].items()}
    rows = ek.asv_table(configuration.results_dir)
    rows = rows[(rows["commit"] == commit) & (rows["machine"] == MACHINE) & rows["benchmark"].str.match(ACCURACY)]
    values = values_by_environment(rows, [each.name for each in environments])
    (current,) = (each.name for each in environments if each.requirements == newest)
    if values[current].isna().all():
        print("error: nothing could be measured with the current libraries", file=sys.stderr)
        return 2
    others = [each for each in environments if each.name != current]
    changed = [report(each, newest, values[each.name], values[current]) for each in others]
    return 1 if any(changed) else 0


def values_by_environment(rows: pd.DataFrame, environments: list[str]) -> pd.DataFrame:
    """A row for each benchmark and its parameters, a column for each environment."""
    values = rows.pivot(index=["benchmark", "params"], columns="environment", values="value")
    return values.reindex(columns=environments)


def report(environment: Environment, newest: dict[str, str], older: pd.Series, current: pd.Series) -> bool:
    """Print what an older library changes; returns whether anything does, or fails."""
    changes = {name: version for name, version in environment.requirements.items() if version != newest[name]}
    told = ", ".join(f"{name} {version} in place of {newest[name]}" for name, version in changes.items())
    failed = current.index[current.notna() & older.isna()]
    ratios = (older / current).dropna()
    other = ratios[ratios.sub(1).abs() > 1e-9]
    beyond = ratios[(ratios > FACTOR) | (ratios < 1 / FACTOR)].sort_values()
    largest = f", by up to {100 * other.sub(1).abs().max():.2f}%" if len(other) else ""
    print(f"\n{told}: of {len(ratios)} values {len(other)} are otherwise{largest}; {len(beyond)} beyond {FACTOR}")
    for (benchmark, params), ratio in beyond.items():
        print(f"  {ratio:.4f}  {benchmark}({params})")
    for benchmark, params in failed:
        print(f"  failed  {benchmark}({params})")
    return bool(len(beyond) or len(failed))


if __name__ == "__main__":
    sys.exit(main())
