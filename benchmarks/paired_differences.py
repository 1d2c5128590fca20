"""Numbers of docs/findings.md: ``python benchmarks/paired_differences.py results/reference/NAME [HEAD]``.

For each embedding, in points: every head, its difference to HEAD (default: mlp) on the same draws and images, and its
difference to itself on raw pixels; 95% intervals, one at a time; * excludes 0.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from embedkit.outcomes import Outcomes, read_outcomes, study_rows
from embedkit.statistics import interval


def points(right: np.ndarray | None, minus: np.ndarray | None, outcomes: Outcomes, budget: str) -> str:
    """A mean, or a paired difference, with its interval."""
    if right is None or minus is None:
        return "-".rjust(12)
    found = interval(right - minus, outcomes.images, outcomes.folds(budget))
    mark = "*" if found.excludes_zero else " "
    return f"{100 * found.estimate:6.1f} ±{100 * found.half_width:.1f}{mark}".rjust(12)


def main(folder: str, head: str = "mlp") -> None:
    rows = study_rows(Path(folder))
    embeddings = {each.backbone: each for each in read_outcomes(Path(folder), rows[rows["status"] == "ok"])}
    for name, outcomes in embeddings.items():
        pixels = embeddings["pixels"]
        for title, other in ((name, None), (f"{name}: minus {head}", head), (f"{name}: minus pixels", "pixels")):
            print(f"\n{title}; budgets {', '.join(outcomes.budgets)}")
            for each in outcomes.heads:
                texts = []
                for budget in outcomes.budgets:
                    mine = outcomes.at(budget).get(each)
                    beside = pixels.at(budget).get(each) if other == "pixels" else outcomes.at(budget).get(other or "")
                    zero = None if mine is None else np.zeros_like(mine)
                    texts.append(points(mine, beside if other else zero, outcomes, budget))
                print(f"  {each:40}{''.join(texts)}")


if __name__ == "__main__":
    main(*sys.argv[1:])
