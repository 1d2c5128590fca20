"""Every figure of a study as files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from embedkit import artefacts, plots
from embedkit.errors import EmbedkitError
from embedkit.outcomes import read_outcomes, study_rows
from embedkit.report.details import Details, Where
from embedkit.report.figure_data import FigureData, read_figure_data
from embedkit.report.figures.confusion import confusion_frame
from embedkit.report.figures.embedding_map import map_frame
from embedkit.report.figures.reliability import reliability_frame
from embedkit.report.figures.training import loss_frame
from embedkit.report.materials import stored_materials

ENDINGS = (".svg", ".png")


def write_figures(folder: Path, out: Path) -> list[Path]:
    """Write each figure of the best embeddings as SVG and PNG into `out`; returns the files.

    Raises
    ------
    EmbedkitError
        Where there are no results with a score, or nothing can be written.
    """
    rows = study_rows(folder)
    figures = read_figure_data(folder, rows, read_outcomes(folder, rows))
    if figures.curves.empty:
        raise EmbedkitError(f"nothing to draw: no trial in {folder} has a score")
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise artefacts.unwritable(out, error) from None
    files = []
    for name, chart in _charts(figures):
        for ending in ENDINGS:
            files.append(out / f"{name}{ending}")
            plots.save(chart, files[-1])
    return files


def _charts(figures: FigureData) -> Iterator[tuple[str, Any]]:
    """Names and figures of each data set."""
    details, materials = figures.details, stored_materials(figures.rows)
    for dataset, best in details.best.items():
        name = _file_name(dataset)
        yield f"{name}_curves", plots.learning_curves(figures.curves, dataset=dataset)
        if dataset in set(figures.differences["dataset"]):
            yield f"{name}_differences", plots.differences(figures.differences, dataset=dataset)
        costs = figures.costs[figures.costs["dataset"] == dataset]
        for measure in dict.fromkeys(costs["measure"]):
            yield f"{name}_pareto_{measure}", plots.pareto(costs, measure=measure)
        for at in _best_heads(figures, details, dataset):
            yield f"{name}_confusion_{_file_name(at[2])}", plots.confusion(_confusion(details, at))
            if at in details.reliabilities:
                frame = reliability_frame(details.reliabilities[at])
                yield f"{name}_reliability_{_file_name(at[2])}", plots.reliability(frame)
        key = materials.embeddings.get((dataset, best.backbone))
        if key is not None:
            points, _ = map_frame(key, best, details.classes[dataset])
            yield f"{name}_map", plots.embedding_map(points)
        for (trained_on, backbone), record in materials.records.items():
            if trained_on == dataset:
                yield f"{name}_training_{_file_name(backbone)}", plots.losses(loss_frame(record.curve))


def _best_heads(figures: FigureData, details: Details, dataset: str) -> list[Where]:
    """The best head at the largest budget of the best embedding, where classes are predicted."""
    curves = figures.curves[(figures.curves["dataset"] == dataset) & figures.curves["headline"]]
    last = curves[curves["budget"] == details.budgets[dataset]]
    last = last[last["embedding"] == last["embedding"].iloc[-1]].sort_values("estimate")
    best = (dataset, str(last["embedding"].iloc[-1]), str(last["head"].iloc[-1]))
    return [best] if best in details.confusions else []


def _confusion(details: Details, at: Where) -> Any:
    return confusion_frame(details.confusions[at], details.classes[at[0]])


def _file_name(text: str) -> str:
    return re.sub(r"[^\w.-]+", "-", text).strip("-")
