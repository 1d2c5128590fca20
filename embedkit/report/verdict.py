"""The answer in three sentences, for each data set: which head, from how many labels on FC, what helps."""

from __future__ import annotations

from html import escape

from embedkit.decide.recommendation import Recommendation, recommendations
from embedkit.decide.words import answer_sentence, evidence_sentence
from embedkit.errors import EmbedkitError
from embedkit.outcomes import ORACLE
from embedkit.report import html
from embedkit.report.sentences import crossover_sentence, gains_sentence
from embedkit.report.summary import Summary


def answer_section(summary: Summary) -> str:
    """What `embedkit recommend` takes; from when on fully connected heads stand there; what would help."""
    gains = {gain.dataset: gain for gain in summary.gains}
    ranked = [table for table in summary.tables if table.selection != ORACLE]
    datasets = list(dict.fromkeys(table.dataset for table in ranked))
    parts = []
    for dataset in datasets:
        found = _recommended(summary, dataset)
        if found is None:
            continue
        candidate = found.candidate
        paragraphs = [answer_sentence(found)]
        place = (dataset, candidate.backbone, candidate.codec, candidate.selection)
        (table,) = [t for t in ranked if (t.dataset, t.backbone, t.codec, t.selection) == place]
        if table.answers:
            paragraphs.append(f"On {table.backbone}: {crossover_sentence(table.answers, table.score)}")
        if dataset in gains:
            paragraphs.append(gains_sentence(gains[dataset]))
        evidence = html.paragraph(evidence_sentence(found), "note")
        title = f"<h3>{escape(dataset)}</h3>" if len(datasets) > 1 else ""
        parts.append(title + "".join(html.paragraph(text) for text in paragraphs) + evidence)
    return f"<section class='answer' id='answer'><h2>The answer</h2>{''.join(parts)}</section>" if parts else ""


def _recommended(summary: Summary, dataset: str) -> Recommendation | None:
    """Which head to take; nothing while no head was tested on all test images."""
    rows = summary.rows[summary.rows["dataset"] == dataset]
    try:
        (found,) = recommendations(rows, [o for o in summary.measured if o.dataset == dataset])
    except EmbedkitError:
        return None
    return found
