"""Tables as text for a terminal."""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Iterator, Sequence

from embedkit.tables.cells import Cells
from embedkit.tables.notes import notes
from embedkit.tables.pivot import EMPTY, Grid, Shown, arrange, sparse, split

WIDTH = 118
"""Where the output does not say how wide it is."""
GAP = "  "


def as_text(cells: Cells, width: int = WIDTH) -> str:
    """Tables and their notes; columns that do not fit side by side go on below, the names of the rows repeated."""
    parts = []
    for grid in map(arrange, split(cells)):
        parts += [*textwrap.wrap(grid.title, width), *drawn(grid, width), ""]
    return "\n".join([*parts, *(line for note in notes(cells) for line in textwrap.wrap(note, width))])


def drawn(grid: Grid, width: int) -> Iterator[str]:
    """The lines of one table, without its title."""
    marks = any(cell and cell.is_best for line in grid.cells for cell in line)
    texts = [[_marked(cell, marks) for cell in line] for line in grid.cells]
    header = [tuple(f"{name}{' ' * marks}" for name in label) for label in grid.header]
    inner = [label[-1] for label in header]
    widths = [max(map(len, column)) for column in zip(inner, *texts, strict=True)]
    side = _side(grid)
    left = width - len(side[0])
    for number, block in enumerate(_blocks(widths, left)):
        if number:
            yield ""
        here = [widths[at] for at in block]
        for level in range(len(header[0]) - 1):
            yield _spanning([header[at][: level + 1] for at in block], here, len(side[0])).rstrip()
        for name, line in zip(side, [inner, *texts], strict=True):
            yield (name + "".join(GAP + line[at].rjust(w) for at, w in zip(block, here, strict=True))).rstrip()


def _marked(cell: Shown | None, marks: bool) -> str:
    return (cell.text if cell else EMPTY) + ("*" if cell and cell.is_best else " " * marks)


def _side(grid: Grid) -> list[str]:
    """The names of the rows, the head of their columns first, all of one width."""
    lines = [tuple(grid.row_names), *sparse(grid.labels)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return ["".join(GAP + label.ljust(width) for label, width in zip(line, widths, strict=True)) for line in lines]


def _blocks(widths: Sequence[int], left: int) -> Iterator[list[int]]:
    """Columns that fit side by side, at least one at a time."""
    block: list[int] = []
    for at, width in enumerate(widths):
        if block and sum(widths[b] + len(GAP) for b in block) + width + len(GAP) > left:
            yield block
            block = []
        block.append(at)
    yield block


def _spanning(labels: Sequence[tuple[str, ...]], widths: list[int], indent: int) -> str:
    """A line of labels, each over the columns that share it; columns become wider where a label needs it."""
    line, start = " " * indent, 0
    for label, same in itertools.groupby(labels):
        stop = start + len(list(same))
        room = sum(widths[start:stop]) + len(GAP) * (stop - start - 1)
        widths[stop - 1] += max(0, len(label[-1]) - room)
        line += GAP + label[-1].rjust(max(room, len(label[-1])))
        start = stop
    return line
