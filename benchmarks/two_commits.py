"""Two commits, measured and compared: ``tox -e asv -- OLD NEW [--bench REGEX ...]``.

Both are built as wheels, and installed one after the other into an environment that borrows all libraries from the
Python that runs this (`hostvenv`): that of tox, where torch is there once. Nothing is downloaded. The suite is the one
of the working tree, for both. Rounds of time benchmarks alternate between the commits.

Printed is asv's comparison, in two parts with a factor each, since asv judges by one: accuracy, of which 1% more is a
regression, and all else, time and memory, of which 50% more is one. (`asv compare` ends with status 0 whatever it
finds, and `asv continuous` compares nothing where any benchmark failed.) A benchmark that fails on NEW but not on OLD
is a regression, too, and so is one that NEW skips, say for a head that it no longer has.

What became worse is measured once more on both, and a regression is what is worse both times: on a shared machine one
time below a millisecond is off by half, now and then.

The exit status is 0 where nothing became worse, 1 where something did, and 2 where the commits cannot be compared.
"""

from __future__ import annotations

import argparse
import re
import sys
from typing import NoReturn

from regressions import PARTS, NothingToCompareError, became_worse
from run_asv import FAILURES, MACHINE, asv, edited, git, introduce_machine


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
    failures, worse = compared(old, new, asked.bench or [])
    if worse:
        print("\nonce more, what became worse:", flush=True)
        again, worse = compared(old, new, [f"^{re.escape(each)}$" for found in worse.values() for each in found])
        failures = failures or again
    if failures:
        print("\nsome benchmarks failed: see above")
    print(
        f"\n{asked.new} is {'' if worse else 'not '}worse than {asked.old}"
        + (f" in {' and '.join(worse)}" if worse else "")
    )
    return 1 if worse else 0


def compared(old: str, new: str, bench: list[str]) -> tuple[bool, dict[str, list[str]]]:
    """Measure two commits; returns whether a benchmark failed, and what became worse, by part of the suite."""
    failures = measure(old, new, bench)
    try:
        worse = {name: became_worse(name, pattern, factor, old, new, bench) for name, pattern, factor in PARTS}
    except NothingToCompareError as reason:
        stop(str(reason))
    return failures, {name: found for name, found in worse.items() if found}


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


if __name__ == "__main__":
    sys.exit(main())
