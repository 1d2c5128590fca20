"""The README's picture: the curves of the best embedding in a results folder, as SVG.

Usage: python benchmarks/readme_figure.py results/clothing docs/clothing.svg
"""

from __future__ import annotations

import sys
from pathlib import Path

from embedkit.report.figures import figure
from embedkit.report.summary import summarise


def main(folder: str, out: str) -> None:
    best = summarise(Path(folder)).tables[-1]
    figure(best).save(out)


if __name__ == "__main__":
    main(*sys.argv[1:])
