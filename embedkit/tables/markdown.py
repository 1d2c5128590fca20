"""Tables as Markdown."""

from __future__ import annotations

from embedkit.report.text import markdown_grid
from embedkit.tables.cells import Cells
from embedkit.tables.notes import IN_BOLD, notes
from embedkit.tables.pivot import EMPTY, Grid, Shown, arrange, split


def as_markdown(cells: Cells) -> str:
    """A table for each table under its title, the best set in bold, notes as a list."""
    parts = [f"**{_escaped(grid.title)}**\n\n{_table(grid)}" for grid in map(arrange, split(cells))]
    return "\n\n".join([*parts, "\n".join(f"- {_escaped(note)}" for note in notes(cells, IN_BOLD))]) + "\n"


def _table(grid: Grid) -> str:
    header = [*grid.row_names, *(", ".join(label) for label in grid.header)]
    lines = [[*map(_escaped, label), *map(_cell, line)] for label, line in zip(grid.labels, grid.cells, strict=True)]
    return markdown_grid([_escaped(name) for name in header], lines)


def _cell(cell: Shown | None) -> str:
    return EMPTY if cell is None else f"**{cell.text}**" if cell.is_best else cell.text


def _escaped(text: str) -> str:
    """Text that Markdown shows as it is: pipes end a cell, underscores and asterisks would set it in italics."""
    for character in "\\|_*<":
        text = text.replace(character, f"\\{character}")
    return text
