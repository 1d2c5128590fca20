"""The answer in three sentences, for each data set: which head, from how many labels on FC, what helps."""

from __future__ import annotations

from html import escape

from embedkit.decide.recommendation import recommendations
from embedkit.decide.words import expected_sentence, level_sentence
from embedkit.errors import EmbedkitError
from embedkit.outcomes import ORACLE
from embedkit.report.sentences import crossover_sentence, gains_sentence
from embedkit.report.summary import Summary


def answer_section(summary: Summary) -> str:
    """What `embedkit recommend` takes; the crossover on the embedding with the best mean; gains of changes."""
    best = {table.dataset: table for table in summary.tables if table.selection != ORACLE}
    gains = {gain.dataset: gain for gain in summary.gains}
    parts = []
    for dataset, table in best.items():
        paragraphs = [_recommended(summary, dataset)]
        paragraphs += (
            [f"On {table.backbone}: {crossover_sentence(table.answers, table.score)}"] if table.answers else []
        )
        paragraphs += [gains_sentence(gains[dataset])] if dataset in gains else []
        title = f"<h3>{escape(dataset)}</h3>" if len(best) > 1 else ""
        parts.append(title + "".join(f"<p>{escape(text)}</p>" for text in paragraphs if text))
    return f"<section class='answer' id='answer'><h2>The answer</h2>{''.join(parts)}</section>" if parts else ""


def _recommended(summary: Summary, dataset: str) -> str:
    """Which head to take; nothing while no head was tested on all test images."""
    rows = summary.rows[summary.rows["dataset"] == dataset]
    try:
        (found,) = recommendations(rows, [o for o in summary.measured if o.dataset == dataset])
    except EmbedkitError:
        return ""
    return f"Take {found.candidate}. {expected_sentence(found)} {level_sentence(found)}"
