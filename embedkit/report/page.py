"""The report: one HTML file that opens without a network."""

from __future__ import annotations

import json
from html import escape
from importlib import resources
from pathlib import Path
from string import Template

import vl_convert

from embedkit import artefacts
from embedkit.report import html
from embedkit.report.figure_data import FigureData, read_figure_data
from embedkit.report.gallery import doubtful_section, wrong_section
from embedkit.report.history import history_charts, history_section, read_history
from embedkit.report.materials import Materials, stored_materials
from embedkit.report.payload import payload
from embedkit.report.settings import settings_section
from embedkit.report.summary import Summary
from embedkit.report.tables import cost_tables, missing_section, score_section
from embedkit.report.training import training_section
from embedkit.report.verdict import answer_section
from embedkit.results import load_runs

FILE = "report.html"
SCRIPTS = ("charts.js", "controls.js", "figures.js", "map.js", "start.js")


def write_report(folder: Path, summary: Summary, materials: Materials | None = None) -> Path:
    """Write ``report.html`` into a results folder and return its path.

    Parameters
    ----------
    materials : Materials, optional
        Images, embeddings and records of training; default: what the store holds, which is no images.

    Raises
    ------
    EmbedkitError
        Where it cannot be written.
    """
    materials = stored_materials(summary.rows) if materials is None else materials
    figures = read_figure_data(folder, summary.rows, summary.measured)
    history = read_history(folder)
    sections = [
        _curve_section(figures),
        score_section(summary),
        _difference_section(figures),
        _cost_section(figures, summary),
        _trial_section(figures),
        _map_section(materials),
        wrong_section(figures.details, materials),
        doubtful_section(figures.details, materials),
        training_section(materials.records),
        missing_section(summary),
        history_section(history),
        settings_section(load_runs(folder), summary.rows),
    ]
    drawn = payload(figures, materials) | {"history": history_charts(history)}
    data = json.dumps(drawn, separators=(",", ":")).replace("<", "\\u003c")
    page = Template(_asset("page.html")).substitute(
        title=escape(folder.name),
        answer=answer_section(summary),
        sections="\n".join(section for section in sections if section),
        style=_asset("page.css"),
        data=data,
        bundle=vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
        if summary.tables or drawn["history"]
        else "",
        script="\n".join(_asset(name) for name in SCRIPTS),
    )
    artefacts.write_atomically(folder / FILE, page.encode())
    return folder / FILE


def _asset(name: str) -> str:
    return (resources.files("embedkit.report") / "assets" / name).read_text(encoding="utf-8")


def _curve_section(figures: FigureData) -> str:
    if figures.curves.empty:
        return ""
    switches = "".join(
        f"<fieldset class='switches' id='{name}-switches'><legend>{legend}</legend></fieldset>"
        for name, legend in (("head", "Heads"), ("embedding", "Embeddings"))
    )
    places = "<div class='charts' id='curve-charts'></div><p class='note' id='curve-note'></p>"
    return html.section("Learning curves", switches + places, "curves")


def _difference_section(figures: FigureData) -> str:
    if figures.differences.empty:
        return ""
    places = "<p class='note' id='difference-note'></p><div class='charts small' id='difference-charts'></div>"
    return html.section("Differences against a fully connected head", places, "differences")


def _cost_section(figures: FigureData, summary: Summary) -> str:
    if figures.costs.empty:
        return ""
    words = (
        "Measured alone on one core, at the largest budget. The dashed line joins the heads that no other one beats in "
        "both score and cost; these are always shown."
    )
    places = f"{html.paragraph(words, 'note')}<div class='charts' id='cost-charts'></div>{cost_tables(summary)}"
    return html.section("Score against cost", places, "costs", secondary=True)


def _trial_section(figures: FigureData) -> str:
    if not figures.details.confusions:
        return ""
    places = (
        "<div class='pick'><label>Head <select id='head'></select></label></div>"
        "<p class='note' id='trial-note'></p><div class='charts' id='trial-charts'></div>"
    )
    return html.section("Confusion and reliability", places, "trial", secondary=True)


def _map_section(materials: Materials) -> str:
    if not materials.embeddings:
        words = "The store (EMBEDKIT_CACHE) holds none of these embeddings."
        return html.section("Map of the test images", html.paragraph(words, "note"), closed=True)
    places = (
        "<p class='note' id='map-note'></p><ul class='classes' id='map-classes'></ul>"
        "<div class='map' id='map-charts'></div>"
    )
    return html.section("Map of the test images", places, "map", secondary=True)
