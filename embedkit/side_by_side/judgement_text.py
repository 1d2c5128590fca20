"""What a rerun says of its reference, in words."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

import pandas as pd

from embedkit.errors import counted
from embedkit.outcomes import PLACE
from embedkit.side_by_side.judgement import (
    EQUAL,
    EQUAL_MIN,
    EQUAL_OR_LEVEL,
    LEVEL,
    POINTS,
    REFUTED,
    UNDECIDED,
    VERIFIED,
)
from embedkit.side_by_side.origins import origin_lines
from embedkit.side_by_side.pairs import Side
from embedkit.side_by_side.verdict import cell_difference, margin_text
from embedkit.tables.pivot import Grid, Shown
from embedkit.tables.places import place_text
from embedkit.tables.text import drawn

STATUS = {VERIFIED: 0, REFUTED: 1, UNDECIDED: 3}
"""Exit statuses, by what became of the reference."""
SHOWN = 20
_SHARE, _WITHIN = f"{100 * EQUAL_MIN:g}% equal predictions", "an interval within {margin}"
REQUIRED = {EQUAL: _SHARE, EQUAL_OR_LEVEL: f"{_SHARE}, or {_WITHIN}", LEVEL: _WITHIN}
OF = {
    EQUAL: "heads without chance, on embeddings that every machine makes alike",
    EQUAL_OR_LEVEL: "heads without chance, on embeddings that depend on the machine ({backbones})",
    LEVEL: "heads with chance",
}


def ending(cells: pd.DataFrame) -> str:
    """A key of `STATUS`."""
    verdicts = set(cells["verdict"])
    return next((verdict for verdict in (REFUTED, UNDECIDED) if verdict in verdicts), VERIFIED)


def judgement_text(rerun: Side, reference: Side, cells: pd.DataFrame, width: int) -> str:
    """Where both come from, what was asked of how many cells, those that did not give it, and the verdict last."""
    parts = [*origin_lines(_finished(rerun), _finished(reference)), ""]
    for sentence in _counts(rerun, reference, cells):
        parts += textwrap.wrap(sentence, width, subsequent_indent="  ")
    left = pd.concat([cells[cells["verdict"] == verdict] for verdict in (REFUTED, UNDECIDED)])
    if len(left):
        parts += ["", *drawn(_grid(left[:SHOWN]), width)]
    if len(left) > SHOWN:
        parts.append(f"and {len(left) - SHOWN} more: embedkit compare {rerun.folder} {reference.folder}")
    return "\n".join([*parts, "", verdict_line(reference, cells)])


def verdict_line(reference: Side, cells: pd.DataFrame) -> str:
    """The verdict in one line."""
    name, of = reference.folder.name, counted(len(cells), "cell")
    left = cells[cells["verdict"] == ending(cells)]
    match ending(cells):
        case "verified":
            return f"{name} is verified in {_trials(reference, cells)}, {of}: {_equal(cells)}"
        case "refuted":
            return f"{name} is not verified: {len(left)} of {of} differ from the reference ({_example(left)})"
    return (
        f"{name} is not decided: no cell differs, but {len(left)} of {of} may by more than {_margin(cells)} "
        f"({_example(left)})"
    )


def _counts(rerun: Side, reference: Side, cells: pd.DataFrame) -> Iterator[str]:
    """How many trials are pairs, and by what rule how many cells were judged."""
    yield f"{_trials(reference, cells)} were run again; on the same label draws and test images: {cells['pairs'].sum()}"
    other = len(set(rerun.rows["key"]) - set(reference.rows["key"]))
    if other:
        yield f"made by other recipes (versions of data, backbone, codec or head): {counted(other, 'trial')}"
    for rule, by in cells.groupby("rule"):
        backbones = ", ".join(dict.fromkeys(by["backbone"]))
        verified = f"{(by['verdict'] == VERIFIED).sum()} of {counted(len(by), 'cell')}"
        required = REQUIRED[rule].format(margin=_margin(by))
        yield f"{required}: {verified}; {OF[rule].format(backbones=backbones)}; {_equal(by)}"


def _trials(reference: Side, cells: pd.DataFrame) -> str:
    return f"{cells['trials'].sum()} of its {counted(len(_finished(reference).rows), 'trial')}"


def _finished(side: Side) -> Side:
    return Side(side.folder, side.rows[side.rows["status"] == "ok"])


def _grid(cells: pd.DataFrame) -> Grid:
    return Grid(
        "",
        ["embedding", "head", "budget"],
        [
            (place_text({name: cell[name] for name in PLACE if name != "selection"}), cell["head"], cell["budget"])
            for _, cell in cells.iterrows()
        ],
        [("found",), ("required",), ("",)],
        [
            [Shown(text, False) for text in (_found(cell), _required(cell), cell["verdict"])]
            for _, cell in cells.iterrows()
        ],
    )


def _example(cells: pd.DataFrame) -> str:
    cell = cells.iloc[0]
    return f"{cell['head']}, budget {cell['budget']}: {_found(cell)}"


def _found(cell: pd.Series) -> str:
    if cell["wrong"]:
        return str(cell["wrong"])
    share = f"{cell['equal_predictions']:.1%} equal"
    return share if cell["rule"] == EQUAL else f"{cell_difference(cell)}, {share}"


def _required(cell: pd.Series) -> str:
    if cell["wrong"]:
        return "as in the reference"
    return REQUIRED[cell["rule"]].format(margin=_margin(cell.to_frame().T))


def _margin(cells: pd.DataFrame) -> str:
    return margin_text(cells, POINTS)


def _equal(cells: pd.DataFrame) -> str:
    """The share of predictions that are equal, on average over trials."""
    paired = cells[cells["equal_predictions"].notna()]
    if paired.empty:
        return "no pairs"
    return f"{(paired['equal_predictions'] * paired['pairs']).sum() / paired['pairs'].sum():.2%} equal predictions"
