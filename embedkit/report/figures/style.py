"""How heads are told apart in every figure: colour, dash and marker; and how figures look on paper."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from embedkit.heads import HEADS
from embedkit.outcomes import FULLY_CONNECTED, family
from embedkit.spec import parse

INK = "#111111"
REFERENCE_COLORS = (INK, "#808080")
COLORS = ("#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
"""Of Okabe and Ito (2008), "Color universal design"; without their black, which is the reference's, and yellow."""
DASHES = ([1, 0], [6, 3], [2, 2], [8, 3, 2, 3])
SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down")
FONT = "system-ui, 'Helvetica Neue', Helvetica, Arial, sans-serif"


@dataclass(frozen=True)
class HeadStyle:
    """What one head looks like."""

    color: str
    dash: list[int]
    shape: str


def head_styles(heads: Iterable[str]) -> dict[str, HeadStyle]:
    """A style for each head: black and grey for fully connected ones, for others colours, the firsts of families first.

    No two of the first 24 heads that are not fully connected look alike.
    """
    known = sorted(set(heads), key=_order)
    reference = [head for head in known if family(head) == FULLY_CONNECTED]
    rank = {
        head: [other for other in known if family(other) == family(head)].index(head)
        for head in known
        if head not in reference
    }
    styles = {
        head: HeadStyle(REFERENCE_COLORS[i % 2], DASHES[i // 2 % len(DASHES)], SHAPES[i % len(SHAPES)])
        for i, head in enumerate(reference)
    }
    for i, head in enumerate(sorted(rank, key=lambda head: (rank[head], known.index(head)))):
        turn = i // len(COLORS)
        styles[head] = HeadStyle(COLORS[i % len(COLORS)], DASHES[turn % len(DASHES)], SHAPES[(i + turn) % len(SHAPES)])
    return {head: styles[head] for head in known}


def _order(head: str) -> tuple[int, str]:
    """In the order of `HEADS`, heads of other versions last."""
    known, name = list(HEADS), parse(head).name
    return known.index(name) if name in known else len(known), head


def head_color(styles: dict[str, HeadStyle], **options: Any) -> alt.Color:
    return alt.Color("head:N", scale=_scale(styles, [style.color for style in styles.values()]), **options)


def head_fill(styles: dict[str, HeadStyle]) -> alt.Fill:
    return alt.Fill("head:N", scale=_scale(styles, [style.color for style in styles.values()]), legend=None)


def head_dash(styles: dict[str, HeadStyle], **options: Any) -> alt.StrokeDash:
    return alt.StrokeDash("head:N", scale=_scale(styles, [style.dash for style in styles.values()]), **options)


def head_shape(styles: dict[str, HeadStyle], **options: Any) -> alt.Shape:
    return alt.Shape("head:N", scale=_scale(styles, [style.shape for style in styles.values()]), **options)


def _scale(styles: dict[str, HeadStyle], values: Sequence[Any]) -> alt.Scale:
    return alt.Scale(domain=list(styles), range=list(values))


def bottom_legend(columns: int = 3) -> alt.Legend:
    """Below a figure, without a title."""
    return alt.Legend(orient="bottom", title=None, columns=columns, labelLimit=220, symbolOpacity=1)


def for_paper(chart: Any) -> Any:
    """Fonts and lines that can be read in print, and no background."""
    return (
        chart.configure(background="transparent", font=FONT)
        .configure_view(stroke=None)
        .configure_axis(labelFontSize=11, titleFontSize=12, titleFontWeight="normal", gridOpacity=0.5)
        .configure_legend(labelFontSize=11, titleFontSize=12)
        .configure_title(fontSize=13, fontWeight="bold", anchor="start")
    )
