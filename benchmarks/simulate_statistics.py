"""Do intervals, best sets and crossovers keep what they promise? Simulated studies of which the truth is known.

Usage: python benchmarks/simulate_statistics.py [studies]

For each world (share of the pool that is labelled, draws, test images) a row: how often 95% intervals of scores and of
paired differences hold the truth, over draws from one pool and over new pools; how often of two equal heads one is
called better; how often 3 points are found; whether the best of eight heads stays in the best set (and would, by plain
paired tests); and whether the crossover lies in its interval. 2,000 studies take some ten minutes on one thread.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "statistics"))

from worlds import WORLDS, best_found, crossover_found, intervals_found

COLUMNS = {
    "score": "score", "score, new pools": "new pools", "difference": "difference",
    "difference, new pools": "new pools", "difference, half-width": "half-width", "rejected": "rejected of equal",
    "rejected, new pools": "new pools", "power": "3 points found",
}  # fmt: skip
BEST = {
    "kept": "best kept", "kept without correction": "uncorrected", "kept by t tests over repeats": "plain t tests",
    "size": "set of 8", "worse kept": "8 points worse kept",
}  # fmt: skip
CROSSOVER = {
    "covered": "covered", "crosses": "crosses", "never within the budgets tried": "never",
    "truly never": "truly never", "budgets between the ends": "budgets between",
}  # fmt: skip


def main() -> None:
    studies = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    for title, columns, simulate in (
        ("intervals", COLUMNS, intervals_found),
        ("the best of eight", BEST, best_found),
        ("crossover", CROSSOVER, crossover_found),
    ):
        print(f"\n{title}, {studies} studies\n| world | {' | '.join(columns.values())} |")
        print("| --- |" + " ---: |" * len(columns))
        for world in WORLDS:
            found = simulate(world, studies)
            cells = [_cell(name, found.share(name), studies) for name in columns]
            print(f"| {world} | {' | '.join(cells)} |", flush=True)


def _cell(name: str, share: float, studies: int) -> str:
    if name.startswith("rejected"):
        return str(round(share * studies))
    return f"{share:.2f}" if name in ("size", "budgets between the ends") else f"{share:.3f}"


if __name__ == "__main__":
    main()
