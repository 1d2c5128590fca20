"""The suite, checked, and run once on what is installed: ``tox -e bench [-- --bench REGEX ...]``.

Without ``--bench`` it leaves out what takes longest: of the accuracies the ensembles of trees, `best`, and autoencoder
embeddings; exponents; and peaks of memory. Results are kept under the commit at hand, unless files that it is built
from have uncommitted edits.
"""

from __future__ import annotations

import sys

from run_asv import HERE, MACHINE, asv, edited, git, introduce_machine

QUICK = r"^(?!accuracy.*(autoencoder|forest|trees|hist_gradient_boosting|best)|scaling|memory\.Peak)"


def main(asked: list[str]) -> int:
    introduce_machine()
    here = ["--environment", "existing:same"]
    if status := asv("check", *here):
        return status
    edits = edited()
    kept = ["--dry-run"] if edits else ["--set-commit-hash", git("rev-parse", "HEAD")]
    status = asv("run", *here, "--quick", "--show-stderr", "--machine", MACHINE, *kept, *(asked or ["--bench", QUICK]))
    if edits:
        print(f"\nnot kept, for there are uncommitted edits ({edits})")
    else:
        folder = HERE.parent / "results" / "asv"
        print(f"\nresults: {folder / MACHINE}  (embedkit asv-table {folder})")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
