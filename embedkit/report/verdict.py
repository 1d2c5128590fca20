"""The answer in three sentences, for each data set: the best heads, fully connected ones, and what it costs."""

from __future__ import annotations

from html import escape

from embedkit.errors import counted
from embedkit.outcomes import ORACLE
from embedkit.report.summary import Summary, Table
from embedkit.report.text import cell_text, standing_sentence
from embedkit.scores import score_name


def answer_section(summary: Summary) -> str:
    """Of each data set, on the embedding with the best mean."""
    best = {table.dataset: table for table in summary.tables if table.selection != ORACLE}
    parts = []
    for dataset, table in best.items():
        sentences = [_best_sentence(table), standing_sentence(table), _cost_sentence(summary, table)]
        title = f"<h3>{escape(dataset)}</h3>" if len(best) > 1 else ""
        parts.append(title + "".join(f"<p>{escape(sentence)}</p>" for sentence in sentences if sentence))
    return f"<section class='answer' id='answer'><h2>The answer</h2>{''.join(parts)}</section>" if parts else ""


def _best_sentence(table: Table) -> str:
    budget = table.budgets[-1]
    scored = {head: table.cells[head, budget] for head in table.heads if (head, budget) in table.cells}
    if not scored:
        return ""
    lower = table.score == "mae"
    first = min(scored, key=lambda head: scored[head].interval.estimate * (1 if lower else -1))
    beside = [head for head, cell in scored.items() if cell.among_best and head != first]
    unit = "" if lower else "%"
    amount = f"{counted(int(budget), 'label')}{' per class' * (not lower)}" if budget.isdigit() else f"{budget} labels"
    said = f"{score_name(table.score)} {cell_text(scored[first].interval, table.score)}{unit}"
    rest = f"; {', '.join(beside)} cannot be told from it" if beside else "; every other head is beaten"
    return f"At {amount}, {first} on {table.backbone} is best ({said}){rest}."


def _cost_sentence(summary: Summary, table: Table) -> str:
    rows = summary.rows
    timed = rows[
        (rows["timing"] == "exclusive")
        & (rows["dataset"] == table.dataset)
        & (rows["backbone"] == table.backbone)
        & (rows["codec"] == table.codec)
        & (rows["selection"] == table.selection)
        & (rows["budget"] == table.budgets[-1])
    ].set_index("head")["fit_s"]
    best = [head for head in timed.index if (cell := table.cells.get((head, table.budgets[-1]))) and cell.among_best]
    if len(best) < 2:
        return ""
    cheap, dear = timed[best].idxmin(), timed[best].idxmax()
    return (
        f"Of these, {cheap} is the cheapest to fit ({_milliseconds(timed[cheap])}), "
        f"{dear} the dearest ({_milliseconds(timed[dear])})."
    )


def _milliseconds(seconds: float) -> str:
    return f"{1000 * seconds:.3g} ms" if seconds < 10 else f"{seconds:.0f} s"
