"""Scores with best sets, costs, and what gave no score, as HTML tables."""

from __future__ import annotations

from dataclasses import replace
from html import escape

from embedkit.report import html
from embedkit.report.summary import Summary, Table
from embedkit.report.text import (
    answer_sentences,
    behind_grid,
    cost_grid,
    cost_title,
    detail_sentences,
    explanation,
    pools_sentence,
    protocol_sentence,
    score_grid,
    standing_sentence,
    table_title,
)


def score_section(summary: Summary) -> str:
    """A table for each embedding: the best one's open, those of the others folded."""
    if not summary.tables:
        return ""
    parts: list[str] = []
    for dataset in dict.fromkeys(table.dataset for table in summary.tables):
        best, *others = [table for table in reversed(summary.tables) if table.dataset == dataset]
        more = "".join(
            f"<details class='more'><summary>{escape(table_title(table))}</summary>{_table(summary, table)}</details>"
            for table in others
        )
        shown = f"<h3>{escape(table_title(best))}</h3>{_table(summary, best)}{more}"
        parts.append(html.of_dataset(dataset, shown))
    return html.section("Scores and best sets", "\n".join([*parts, html.paragraph(explanation(), "note")]), "tables")


def _table(summary: Summary, table: Table) -> str:
    words = f"{protocol_sentence(summary, table)} {standing_sentence(table)}"
    answers = [" ".join(answer_sentences(table)), " ".join(detail_sentences(table)), pools_sentence(table)]
    below = "".join(html.paragraph(text) for text in answers if text)
    behind = (
        f"<details class='more'><summary>How far behind the best</summary>{html.table(*behind_grid(table))}</details>"
    )
    return f"{html.paragraph(words)}{html.table(*score_grid(table))}{behind}{below}"


def cost_tables(summary: Summary) -> str:
    """What heads cost on the best embedding of each data set."""
    parts = []
    for table in {table.dataset: table for table in summary.tables}.values():
        header, lines = cost_grid(of_table := replace(summary, tables=[table]))
        if lines:
            title = f"{table.dataset}, {table.backbone}: {cost_title(of_table)}"
            shown = f"<details class='more'><summary>{escape(title)}</summary>{html.table(header, lines)}</details>"
            parts.append(html.of_dataset(table.dataset, shown))
    return "".join(parts)


def missing_section(summary: Summary) -> str:
    if summary.without_score.empty:
        return ""
    lines = [
        [str(row.status).replace("_", " "), str(row.trials), str(row.heads), str(row.error)]
        for row in summary.without_score.itertuples()
    ]
    found = html.table(["", "trials", "heads", "reason"], lines)
    return html.section("Trials without a score", found, "missing", secondary=True)
