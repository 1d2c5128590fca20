"""Numbers of docs/findings.md: ``python benchmarks/paired_differences.py results/reference/NAME [HEAD]``.

For each embedding, in points: every head, its difference to HEAD (default: mlp, else linear) on the same draws and
images, and its differences to itself on raw pixels and on the same network untrained; 95% intervals, one at a time;
* excludes 0.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from embedkit.outcomes import Outcomes, read_outcomes, study_rows
from embedkit.spec import parse
from embedkit.statistics import interval


def points(right: np.ndarray | None, minus: np.ndarray | None, outcomes: Outcomes, budget: str) -> str:
    """A mean, or a paired difference, with its interval."""
    if right is None or minus is None:
        return "-".rjust(12)
    found = interval(right - minus, outcomes.images, outcomes.folds(budget))
    mark = "*" if found.excludes_zero else " "
    return f"{100 * found.estimate:6.1f} ±{100 * found.half_width:.1f}{mark}".rjust(12)


def blocks(name: str, embeddings: dict[str, Outcomes], beside: str) -> Iterator[tuple[str, str, str]]:
    """What is printed of an embedding: a title, the embedding to subtract, and the head, if it is one for all."""
    yield name, "", ""
    yield f"{name}: minus {beside}", name, beside
    untrained = str(parse(name).replace(weights="none"))
    for title, other in (("pixels", "pixels"), ("the same network untrained", untrained)):
        if other in embeddings and other != name:
            yield f"{name}: minus {title}", other, ""


def main(folder: str, head: str = "") -> None:
    rows = study_rows(Path(folder))
    embeddings = {each.backbone: each for each in read_outcomes(Path(folder), rows[rows["status"] == "ok"])}
    beside = head or ("mlp" if "mlp" in set(rows["head"]) else "linear")
    for name, outcomes in embeddings.items():
        for title, other, fixed in blocks(name, embeddings, beside):
            print(f"\n{title}; budgets {', '.join(outcomes.budgets)}")
            for each in outcomes.heads:
                texts = []
                for budget in outcomes.budgets:
                    mine = outcomes.at(budget).get(each)
                    zero = None if mine is None else np.zeros_like(mine)
                    minus = embeddings[other].at(budget).get(fixed or each) if other else zero
                    texts.append(points(mine, minus, outcomes, budget))
                print(f"  {each:40}{''.join(texts)}")


if __name__ == "__main__":
    main(*sys.argv[1:])
