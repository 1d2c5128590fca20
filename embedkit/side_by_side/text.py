"""Two sets of results side by side, in words."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

import pandas as pd

from embedkit.errors import counted, listing
from embedkit.outcomes import PLACE
from embedkit.scores import score_name
from embedkit.side_by_side.origins import origin_lines
from embedkit.side_by_side.pairs import Side, alone
from embedkit.side_by_side.verdict import cell_difference, ending, margin_text, verdict_line
from embedkit.tables.pivot import Grid, Shown
from embedkit.tables.places import place_text
from embedkit.tables.text import drawn

EXPLANATION = (
    "A - B with its 95% interval over label draws and test images, positive where A is better. * differs, at 95% for "
    "all cells together; + level: the interval lies within {margin}; = every prediction is equal."
)
MARKS = {"better": "*", "worse": "*", "level": "+", "undecided": " "}


def comparison_text(a: Side, b: Side, cells: pd.DataFrame, unpaired: bool, margin: float, width: int) -> str:
    """Where the two come from, their differences, and the verdict last."""
    parts = [*origin_lines(a, b), ""]
    if ending(cells) != "same":
        for grid in difference_grids(cells):
            parts += [*textwrap.wrap(grid.title, width), *drawn(grid, width), ""]
        parts += [*textwrap.wrap(EXPLANATION.format(margin=margin_text(cells, margin)), width), ""]
    only = [alone(a, b, unpaired), alone(b, a, unpaired)]
    said = [*_unmatched(only), *([] if unpaired else _recipes(a, b, only)), *_fit_times(cells)]
    parts += [line for sentence in said for line in textwrap.wrap(sentence, width)]
    without = sum(map(len, only))
    rest = f"; {counted(without, 'trial has', 'trials have')} no counterpart" if without else ""
    return "\n".join([*parts, verdict_line(cells, margin) + rest])


def difference_grids(cells: pd.DataFrame) -> Iterator[Grid]:
    """A grid of heads by budgets for each embedding, with each head's equal predictions and fit times."""
    for place, part in cells.groupby(list(PLACE), sort=False):
        heads, budgets = (list(dict.fromkeys(part[name])) for name in ("head", "budget"))
        shown = {
            (cell["head"], cell["budget"]): Shown(
                "=" if cell["verdict"] == "same" else cell_difference(cell) + MARKS[cell["verdict"]], False
            )
            for _, cell in part.iterrows()
        }
        by_head = part.groupby("head")
        beside = {
            "equal": by_head["equal_predictions"].mean().dropna().map("{:.2%}".format),
            "fit A/B": by_head["fit_ratio"].median().dropna().map("{:.2f}".format),
        }
        beside = {name: texts for name, texts in beside.items() if len(texts)}
        score = part["score"].iloc[0]
        yield Grid(
            f"{place_text(dict(zip(PLACE, place, strict=True)))}: A - B, {score_name(score)}"
            + (" in points" if score != "mae" else ""),
            ["head"],
            [(head,) for head in heads],
            [*((f"{name} ",) for name in budgets), *((name,) for name in beside)],
            [
                [
                    *(shown.get((head, budget)) for budget in budgets),
                    *(Shown(texts[head], False) if head in texts else None for texts in beside.values()),
                ]
                for head in heads
            ],
        )


def _unmatched(only: list[pd.DataFrame]) -> Iterator[str]:
    """How many trials only one side has."""
    for letter, rows in zip("AB", only, strict=True):
        if len(rows):
            yield f"only in {letter}: {counted(len(rows), 'trial')} ({listing(sorted(set(rows['head'])))})"


def _recipes(a: Side, b: Side, only: list[pd.DataFrame]) -> Iterator[str]:
    """How many pairs are of trials that were made differently."""
    changed = len(set(a.rows["key"]) - set(b.rows["key"])) - len(only[0])
    if changed:
        yield f"made by other recipes (versions of data, backbone, codec or head): {counted(changed, 'pair')}"


def _fit_times(cells: pd.DataFrame) -> Iterator[str]:
    """How fit times stand, where both sides measured them."""
    ratios = cells["fit_ratio"].dropna()
    if len(ratios):
        over = f"median of {counted(len(ratios), 'cell')} ({ratios.min():.2g} to {ratios.max():.2g})"
        yield f"time to fit: A takes {ratios.median():.2f} times as long as B, {over}"
