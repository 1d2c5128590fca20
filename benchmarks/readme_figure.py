"""The README's picture: the curves of the best embedding in a results folder, as SVG.

Usage: python benchmarks/readme_figure.py results/clothing docs/clothing.svg
"""

from __future__ import annotations

import sys

from embedkit import plots


def main(folder: str, out: str) -> None:
    plots.save(plots.learning_curves(folder), out)


if __name__ == "__main__":
    main(*sys.argv[1:])
