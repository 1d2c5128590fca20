"""Pieces of HTML."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from embedkit.report.text import BEST


def table(header: Sequence[str] | None, lines: Iterable[Sequence[str]]) -> str:
    """A table; without a header, of facts: names and values."""
    head = "".join(f"<th>{escape(cell)}</th>" for cell in header or ())
    body = "".join(f"<tr>{''.join(_cell(cell) for cell in line)}</tr>" for line in lines)
    kind = "facts" if header is None else "figures"
    return (
        f"<div class='wide' tabindex='0'><table class='{kind}'><thead><tr>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table></div>"
    )


def _cell(text: str) -> str:
    best = " class='best'" if text.endswith(BEST) else ""
    return f"<td{best}>{escape(text)}</td>"


def section(title: str, content: str, name: str = "", closed: bool = False, secondary: bool = False) -> str:
    """A part of the page that can be folded; a secondary one is folded on small screens."""
    identity = f" id='{name}'" if name else ""
    folding = "" if closed else " open"
    marked = " data-secondary" if secondary else ""
    return (
        f"<details class='section'{identity}{marked}{folding}><summary><h2>{escape(title)}</h2></summary>\n"
        f"{content}\n</details>"
    )


def of_dataset(dataset: str, content: str) -> str:
    """What is shown while this data set is chosen, and in print."""
    return f"<div data-dataset='{escape(dataset, quote=True)}'>{content}</div>"


def paragraph(text: str, kind: str = "") -> str:
    marked = f" class='{kind}'" if kind else ""
    return f"<p{marked}>{escape(text)}</p>"
