"""A summary as plain text: for terminals, logs and Markdown."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence

import pandas as pd

from embedkit.errors import counted
from embedkit.outcomes import FULLY_CONNECTED
from embedkit.report.numbers import cell_text, listed, seconds_text, significant
from embedkit.report.ranks import ranks_sentence
from embedkit.report.sentences import (
    against_sentence,
    calibration_sentence,
    crossover_sentence,
    gains_sentence,
    savings_sentence,
)
from embedkit.report.summary import Summary, Table
from embedkit.scores import score_name
from embedkit.spec import parse
from embedkit.statistics import Interval

BEST = "*"


def summary_text(summary: Summary) -> str:
    """Tables, the standing of fully connected heads, costs, and what gave no score: for a terminal."""
    parts = []
    for table in summary.tables:
        parts += [table_title(table), grid(*score_grid(table)), *wrapped(standing_sentence(table))]
        parts += [line for sentence in answer_sentences(table) for line in wrapped(sentence)] + [""]
    for sentence in [*map(gains_sentence, summary.gains), ranks_sentence(summary.tables)]:
        parts += [*wrapped(sentence), ""] if sentence else []
    if summary.tables:
        parts += [*wrapped(explanation()), "", cost_title(summary), grid(*cost_grid(summary)), ""]
    return "\n".join([*parts, *missing_lines(summary)]).rstrip()


def summary_markdown(summary: Summary) -> str:
    """The same as Markdown."""
    parts = []
    for table in summary.tables:
        parts += [f"## {table_title(table)}", protocol_sentence(summary, table), markdown_grid(*score_grid(table))]
        parts.append(markdown_grid(*behind_grid(table)))
        parts += [standing_sentence(table), " ".join([*answer_sentences(table), *detail_sentences(table)])]
        parts.append(pools_sentence(table))
    parts += [*map(gains_sentence, summary.gains), ranks_sentence(summary.tables)]
    if summary.tables:
        parts += [explanation(), f"## {cost_title(summary)}", markdown_grid(*cost_grid(summary))]
    return "\n\n".join(part for part in [*parts, *missing_lines(summary)] if part) + "\n"


def missing_lines(summary: Summary) -> list[str]:
    """What gave no score, and why: a line for each reason."""
    return [
        f"{str(row.status).replace('_', ' ')}: {counted(row.trials, 'trial')} ({row.heads}): {row.error}"
        for row in summary.without_score.itertuples()
    ]


def wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, 118)


def table_title(table: Table) -> str:
    codec = "" if table.codec == "float32" else f", stored as {table.codec}"
    unit = " (lower is better)" if table.score == "mae" else " in %"
    place = f"{table.dataset}, {table.backbone}{codec}{_SELECTION[table.selection]}"
    return f"{place}: {score_name(table.score)}{unit}, by {budget_title(table)}"


_SELECTION = {"cv": "", "default": ", default parameters", "oracle": ", parameters chosen by the test images"}


def budget_title(table: Table) -> str:
    """What the budgets count."""
    if table.score == "mae":
        return "labels"
    return "labels per class" if all(budget.isdigit() for budget in table.budgets) else "labels (numbers: per class)"


def protocol_sentence(summary: Summary, table: Table) -> str:
    """On what the table rests."""
    return _draws_sentence(summary, table) + _encoder_sentence(table.backbone)


def _encoder_sentence(backbone: str) -> str:
    """What intervals leave out where an encoder was trained on the pool, once."""
    spec = parse(backbone)
    if spec.name != "autoencoder" or dict(spec.params).get("weights", "pool") == "none":
        return ""
    return " All of it is conditional on one trained encoder: what another seed would give is not in the intervals."


def _draws_sentence(summary: Summary, table: Table) -> str:
    here = (summary.rows["dataset"] == table.dataset) & (summary.rows["status"] == "ok")
    rows = summary.rows[here]
    repeats = rows["repeat"].nunique()
    tested = rows["n_test"].max()
    if table.median_mae is None:
        answers = counted(rows["n_classes"].max(), "class")
    else:
        answers = f"Numeric targets, on average {significant(table.median_mae)} from their median"
    if rows["fold"].notna().any():
        images = rows.groupby(["backbone", "codec", "head", "budget", "repeat"], observed=True)["n_test"].sum().max()
        folds = rows["fold"].nunique()
        return f"{answers}; {images} labelled images, divided anew into {folds} folds {counted(repeats, 'time')}."
    drawn = counted(repeats, "time")
    return f"{answers}; {counted(tested, 'test image')}; labels drawn {drawn} from {rows['n_pool'].max()} images."


def score_grid(table: Table) -> tuple[list[str], list[list[str]]]:
    """Header and lines: heads by budgets."""
    lines = []
    for head in table.heads:
        line = [head]
        for budget in table.budgets:
            cell = table.cells.get((head, budget))
            line.append(f"{cell_text(cell.interval, table.score)}{BEST if cell.among_best else ' '}" if cell else "- ")
        lines.append(line)
    return ["head", *(f"{budget} " for budget in table.budgets)], lines


def behind_grid(table: Table) -> tuple[list[str], list[list[str]]]:
    """Header and lines: how far each head is behind the best mean of its column, at the confidence of the marks."""
    lines = []
    for head in table.heads:
        cells = [table.cells.get((head, budget)) for budget in table.budgets]
        lines.append([head, *(cell_text(cell.behind, table.score) if cell and cell.behind else "-" for cell in cells)])
    return ["behind the best by", *table.budgets], lines


def explanation() -> str:
    return (
        f"± is a 95% interval over label draws and test images. {BEST} cannot be told from the best of its column: "
        "no head beats it, one-sided, at .05 / (heads - 1). A family's champion is chosen on other images and draws "
        "than those that judge it; where families are told apart, 95% holds for all families and budgets of a table "
        "together. Numbers of labels are read off curves made monotone, never beyond the budgets tried. One fully "
        "connected head, fixed in advance, against each other head at every budget is one family (Holm); all other "
        "comparisons are exploratory."
    )


def pools_sentence(table: Table) -> str:
    """How much wider intervals are that speak of other pools too."""
    wider: dict[str, list[float]] = {}
    for (_, budget), cell in table.cells.items():
        if cell.over_pools is not None and cell.interval.half_width > 0:
            wider.setdefault(budget, []).append(cell.over_pools / cell.interval.half_width)
    ratios = {budget: sum(found) / len(found) for budget, found in wider.items()}
    known = {budget: ratio for budget, ratio in ratios.items() if math.isfinite(ratio)}
    told = listed([f"{ratio:.1f} at {budget}" for budget, ratio in known.items()])
    unknown = [budget for budget in ratios if budget not in known]
    beyond = f"{', and' if told else ''} not known at budget {listed(unknown)}" if unknown else ""
    return f"Were another pool drawn too, ± would be as many times as wide: {told}{beyond}." if ratios else ""


def answer_sentences(table: Table) -> list[str]:
    """From how many labels on, and how many labels saved."""
    if table.answers is None:
        return []
    sentences = [crossover_sentence(table.answers, table.score), savings_sentence(table.answers)]
    return [sentence for sentence in sentences if sentence]


def detail_sentences(table: Table) -> list[str]:
    """Head against head, and whose confidences can be believed."""
    if table.answers is None:
        return []
    sentences = [against_sentence(table.answers, table.score), calibration_sentence(table.answers)]
    return [sentence for sentence in sentences if sentence]


def standing_sentence(table: Table) -> str:
    """Where fully connected heads stand against each family's champion."""
    if not table.standing:
        return ""
    clauses, level = [], []
    for family, by_budget in table.standing.items():
        ahead = {budget: d for budget, d in by_budget.items() if d.excludes_zero and d.estimate > 0}
        behind = {budget: d for budget, d in by_budget.items() if d.excludes_zero and d.estimate < 0}
        told = [
            f"{word} {family} at {_budgets(found, by_budget)} (by up to {_largest(found, table.score)})"
            for word, found in (("ahead of", ahead), ("behind", behind))
            if found
        ]
        clauses.append(" and ".join(told)) if told else level.append(family)
    elsewhere = f"not told apart from {listed(level)}" if level else ""
    said = "; ".join(part for part in [*clauses, elsewhere] if part)
    end = "; at other budgets not told apart." if clauses and _undecided(table) else "."
    unit = "mean absolute error in units of the target" if table.score == "mae" else "in points"
    return f"{FULLY_CONNECTED.capitalize()} (its champion against each family's, {unit}): {said}{end}"


def _largest(differences: dict[str, Interval], score: str) -> str:
    largest = max(abs(difference.estimate) for difference in differences.values())
    return significant(largest) if score == "mae" else f"{largest:.1f}"


def _undecided(table: Table) -> bool:
    return any(
        any(d.excludes_zero for d in by_budget.values()) and not all(d.excludes_zero for d in by_budget.values())
        for by_budget in table.standing.values()
    )


def _budgets(found: dict[str, Interval], among: dict[str, Interval]) -> str:
    return "every budget" if len(found) == len(among) and len(among) > 1 else ", ".join(found)


def cost_title(summary: Summary) -> str:
    last = summary.tables[-1]
    costs = cost_rows(summary)
    budget = str(costs["budget"].iloc[0]) if len(costs) else last.budgets[-1]
    per_class = "" if last.score == "mae" else " per class"
    labels = counted(int(budget), "label") + per_class if budget.isdigit() else budget
    return f"what heads cost at {labels}, alone on one core"


def cost_grid(summary: Summary) -> tuple[list[str], list[list[str]]]:
    """Header and lines: what each head costs, on the widest embedding, at the largest budget."""
    costs = cost_rows(summary)
    chosen = bool((costs["select_s"] > 0).any())
    lines = [
        [
            str(row.head),
            *([seconds_text(row.select_s) if row.select_s else "-"] if chosen else []),
            seconds_text(row.fit_s),
            seconds_text(row.predict_s / row.n_test),
            "-" if pd.isna(row.head_bytes) else _bytes(row.head_bytes),
        ]
        for row in costs.itertuples()
    ]
    return ["head", *(["choose"] if chosen else []), "fit", "predict, per image", "size"], lines


def cost_rows(summary: Summary) -> pd.DataFrame:
    """The timed rows at the largest budget on the last table's embedding, cheapest fit first."""
    last = summary.tables[-1]
    rows = summary.rows
    timed = rows[
        (rows["timing"] == "exclusive")
        & (rows["dataset"] == last.dataset)
        & (rows["backbone"] == last.backbone)
        & (rows["codec"] == last.codec)
        & (rows["selection"] == last.selection)
    ]
    return timed[timed["budget"] == timed["budget"].max()].sort_values("fit_s")


def _bytes(count: float) -> str:
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"


def grid(header: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Columns of equal width, the first to the left, the others to the right."""
    widths = [max(len(row[at]) for row in [header, *lines]) for at in range(len(header))]
    return "\n".join(
        "  "
        + "  ".join([row[0].ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(row[1:], widths[1:], strict=True))])
        for row in [header, *lines]
    )


def markdown_grid(header: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """The same as a Markdown table."""
    rows = [header, ["---", *["---:"] * (len(header) - 1)], *lines]
    return "\n".join("| " + " | ".join(cell.strip() for cell in row) + " |" for row in rows)
