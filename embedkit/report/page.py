"""The report: one HTML file that opens without a network."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from importlib import resources
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

import vl_convert

from embedkit import artefacts
from embedkit.errors import counted
from embedkit.report.figures import family_panels
from embedkit.report.summary import Summary, Table
from embedkit.report.text import (
    cost_grid,
    cost_title,
    explanation,
    protocol_sentence,
    score_grid,
    standing_sentence,
    table_title,
)
from embedkit.report.training import training_section
from embedkit.results import load_runs

if TYPE_CHECKING:
    from embedkit.backbones.encoder_files import TrainingRecord

FILE = "report.html"


def write_report(folder: Path, summary: Summary, records: Mapping[str, TrainingRecord] | None = None) -> Path:
    """Write ``report.html`` into a results folder and return its path; `records` tell how encoders were trained.

    Raises
    ------
    EmbedkitError
        Where it cannot be written.
    """
    sections: list[str] = []
    charts: list[dict[str, Any]] = []
    for table in reversed(summary.tables):
        sections.append(_table_section(summary, table, charts))
    if summary.tables:
        sections += [f"<p class='note'>{escape(explanation())}</p>", _cost_section(summary)]
    sections += [training_section(records or {}, charts), _missing_section(summary)]
    sections.append(_settings_section(load_runs(folder)))
    template = Template((resources.files("embedkit.report") / "page.html").read_text(encoding="utf-8"))
    page = template.substitute(
        title=escape(folder.name),
        sections="\n".join(section for section in sections if section),
        charts=json.dumps(charts).replace("</", "<\\/"),
        scripts=vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;") if charts else "",
    )
    artefacts.write_atomically(folder / FILE, page.encode())
    return folder / FILE


def _table_section(summary: Summary, table: Table, charts: list[dict[str, Any]]) -> str:
    """Sentence, curves and table of one embedding; its charts are added to those of the page."""
    places = []
    for panel in family_panels(table):
        spec = panel.properties(width="container", height=220).configure_view(stroke=None).to_dict()
        places.append(f"<div class='chart' id='chart{len(charts)}'></div>")
        charts.append(spec)
    header, lines = score_grid(table)
    words = f"{protocol_sentence(summary, table)} {standing_sentence(table)}"
    return (
        f"<section><h2>{escape(table_title(table))}</h2>\n<p>{escape(words)}</p>\n"
        f"<div class='charts'>{''.join(places)}</div>\n{_html_table(header, lines)}</section>"
    )


def _cost_section(summary: Summary) -> str:
    header, lines = cost_grid(summary)
    return f"<section><h2>{escape(cost_title(summary))}</h2>\n{_html_table(header, lines)}</section>" if lines else ""


def _missing_section(summary: Summary) -> str:
    if summary.without_score.empty:
        return ""
    lines = [
        [str(row.status).replace("_", " "), str(row.trials), str(row.heads), str(row.error)]
        for row in summary.without_score.itertuples()
    ]
    return (
        f"<section><h2>Trials without a score</h2>\n{_html_table(['', 'trials', 'heads', 'reason'], lines)}</section>"
    )


def _settings_section(runs: Sequence[dict[str, Any]]) -> str:
    run = [run for run in runs if "study" in run][-1]
    versions = ", ".join(f"{name} {version}" for name, version in run["versions"].items())
    machine = f"{run['processor']}, {run['cores']} cores, {run['memory_gib']} GiB, {run['system']}"
    kernels = ", ".join(
        f"{library['internal_api']} {library['version'] or ''} {library['architecture'] or ''}".strip()
        for library in run["thread_libraries"]
    )
    facts = [
        ("command", run["command"]),
        ("started", f"{run['started']}, run {run['run_id']} of {len(runs)} in this folder"),
        ("machine", machine),
        ("device", f"{run['device']} {run['gpu'] or ''}".strip() + f", {counted(run['jobs'], 'worker')}"),
        ("versions", versions),
        ("thread libraries", kernels),
        *((key, _written(value)) for key, value in run["study"].items()),
    ]
    return f"<section><h2>Settings and machine</h2>\n{_html_table(None, facts)}</section>"


def _written(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _html_table(header: Sequence[str] | None, lines: Iterable[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(cell)}</th>" for cell in header or ())
    body = "".join(f"<tr>{''.join(_html_cell(cell) for cell in line)}</tr>" for line in lines)
    kind = "facts" if header is None else "figures"
    return f"<div class='wide'><table class='{kind}'><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"


def _html_cell(text: str) -> str:
    best = text.endswith("*")
    return f"<td class='best'>{escape(text)}</td>" if best else f"<td>{escape(text)}</td>"
