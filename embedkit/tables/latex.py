"""Tables for papers: LaTeX with booktabs."""

from __future__ import annotations

import pandas as pd

from embedkit.tables.cells import Cells
from embedkit.tables.notes import IN_BOLD, notes
from embedkit.tables.pivot import EMPTY, Grid, Shown, arrange, sparse, split

_ESCAPES = str.maketrans(
    {**{character: f"\\{character}" for character in "&%$#_{}"}, "\\": r"\textbackslash{}", "~": r"\textasciitilde{}",
     "^": r"\textasciicircum{}", "<": "$<$", ">": "$>$", "|": "$|$", "±": r"$\pm$"}
)  # fmt: skip


def as_latex(cells: Cells) -> str:
    r"""A ``table`` for each table, notes in its caption, the best set in bold; needs ``\usepackage{booktabs}``."""
    tables = [_table(arrange(one), " ".join(notes(one, IN_BOLD))) for one in split(cells)]
    return "\n".join(["% needs \\usepackage{booktabs}", *tables])


def _table(grid: Grid, said: str) -> str:
    depth = len(grid.header[0])
    names = [*((*[""] * (depth - 1), name) for name in grid.row_names), *grid.header]
    columns = pd.MultiIndex.from_arrays([list(map(_escaped, level)) for level in zip(*names, strict=True)])
    lines = [
        [*map(_escaped, label), *map(_cell, line)] for label, line in zip(sparse(grid.labels), grid.cells, strict=True)
    ]
    return (
        pd.DataFrame(lines, columns=columns if depth > 1 else columns.get_level_values(0))
        .style.hide(axis="index")
        .to_latex(
            hrules=True,
            caption=_escaped(f"{grid.title}. {said}"),
            position="htbp",
            position_float="centering",
            column_format="l" * len(grid.row_names) + "r" * len(grid.header),
            multicol_align="c",
        )
    )


def _cell(cell: Shown | None) -> str:
    if cell is None:
        return EMPTY
    return rf"\textbf{{{_escaped(cell.text)}}}" if cell.is_best else _escaped(cell.text)


def _escaped(text: str) -> str:
    return text.translate(_ESCAPES)
