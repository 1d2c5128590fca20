"""What the page's scripts draw: frames, templates of charts, and what can be chosen."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from embedkit.decide.words import budget_words
from embedkit.outcomes import FULLY_CONNECTED, ORACLE, family
from embedkit.report.figure_data import FigureData
from embedkit.report.figures.axes import SCORES, budget_title
from embedkit.report.figures.confusion import CLASSES_MAX, WRITTEN_MAX, confusion_frame, confusion_panel
from embedkit.report.figures.curves import IMAGES_TOO, curve_panel
from embedkit.report.figures.differences import difference_panel
from embedkit.report.figures.label import embedding_labels, embedding_of
from embedkit.report.figures.pareto import COSTS, pareto_panel
from embedkit.report.figures.reliability import reliability_frame, reliability_panel
from embedkit.report.figures.style import INK, HeadStyle, head_styles
from embedkit.report.figures.training import loss_frame, loss_panel
from embedkit.report.maps import map_data
from embedkit.report.materials import Materials
from embedkit.report.template import template
from embedkit.report.training import loss_place

EMBEDDINGS_ON = 4
"""How many curves' panels a page begins with, the best embeddings first."""
CELLS_MAX = 20_000
"""Of all confusion matrices together; where there are many heads, each shows fewer classes."""
_UNUSED = ["family", "headline"]


def payload(figures: FigureData, materials: Materials) -> dict[str, Any]:
    """Plain values for JSON."""
    styles = head_styles(figures.curves["head"])
    frames = {"curves": figures.curves, "differences": figures.differences, "costs": figures.costs}
    maps, images = map_data(figures.found, figures.details, materials)
    return {
        "heads": _heads(figures.curves, styles),
        "datasets": _datasets(figures),
        "scores": {name: {"title": axis.title, "name": axis.title.split(",")[0]} for name, axis in SCORES.items()},
        "costs": {name: cost.title for name, cost in COSTS.items()},
        "coversImages": IMAGES_TOO,
        "writtenMax": WRITTEN_MAX,
        "frames": {name: columns(frame.drop(columns=_UNUSED, errors="ignore")) for name, frame in frames.items()},
        "trials": _trials(figures),
        "maps": maps,
        "images": images,
        "losses": [
            {"place": loss_place(number), "rows": columns(loss_frame(record.curve))}
            for number, record in enumerate(materials.records.values())
        ],
        "templates": _templates(figures, materials, styles),
    }


def columns(frame: pd.DataFrame) -> dict[str, Any]:
    """A frame by columns: numbers to four digits, text and what repeats as codes into its values."""
    packed: dict[str, Any] = {}
    for name in frame:
        column = frame[name]
        repeats = column.nunique() <= len(column) / 20
        if column.dtype.kind == "f" and not repeats:
            packed[name] = [float(f"{value:.4g}") for value in column]
        elif column.dtype.kind in "iu":
            packed[name] = column.tolist()
        else:
            packed[name] = _coded(column)
    return packed


def _coded(column: pd.Series) -> dict[str, Any]:
    """Codes into a list of values; where most repeat the one before, with how often each stands in a row."""
    codes, values = pd.factorize(column.astype(object))  # -1 where a value is missing
    (starts,) = np.nonzero(np.diff(codes, prepend=-2))
    if 2 * len(starts) > len(codes):
        return {"values": list(values), "codes": codes.tolist()}
    counts = np.diff(starts, append=len(codes))
    return {"values": list(values), "codes": codes[starts].tolist(), "counts": counts.tolist()}


def _heads(curves: pd.DataFrame, styles: dict[str, HeadStyle]) -> list[dict[str, Any]]:
    """Each head's style, and whether it is drawn at first: fully connected ones, and of each family the best."""
    headline = curves[curves["headline"]]
    lower = [SCORES[score].lower_is_better for score in headline["score"]]
    better = headline.assign(better=headline["estimate"].where([not low for low in lower], -headline["estimate"]))
    means = better.groupby(["family", "head"])["better"].mean()
    best = {means[name].idxmax() for name in means.index.get_level_values("family").unique()}
    return [
        {
            "name": head,
            "color": style.color.replace(INK, "currentColor"),
            "dash": " ".join(map(str, style.dash)),
            "shape": style.shape,
            "on": family(head) == FULLY_CONNECTED or head in best,
        }
        for head, style in styles.items()
    ]


def _datasets(figures: FigureData) -> list[dict[str, Any]]:
    """What can be chosen of each data set; the best embedding first."""
    labels = embedding_labels(map(embedding_of, figures.found))
    described = []
    for name in dict.fromkeys(outcomes.dataset for outcomes in figures.found):
        here = [outcomes for outcomes in reversed(figures.found) if outcomes.dataset == name]
        curves = figures.curves[figures.curves["dataset"] == name]
        budgets = curves.drop_duplicates("budget").set_index("budget")["labels"]
        written = [budget for budget in here[0].budgets if budget in budgets]
        described.append(
            {
                "name": name,
                "score": here[0].score,
                "scores": [score for score in SCORES if score in set(curves["score"])],
                "budgets": [
                    {"name": at, "labels": float(budgets[at]), "words": budget_words(at, here[0].score)}
                    for at in written
                ],
                "budgetTitle": budget_title(written, here[0].score),
                "heads": list(dict.fromkeys(curves["head"])),
                "embeddings": [
                    {"name": labels[embedding_of(each)], "on": at < EMBEDDINGS_ON and each.selection != ORACLE}
                    for at, each in enumerate(here)
                ],
                "classes": list(figures.details.classes.get(name, ())),
            }
        )
    return described


def _trials(figures: FigureData) -> list[dict[str, Any]]:
    """Confusion and reliability of each head on each embedding."""
    details = figures.details
    most = min(CLASSES_MAX, math.isqrt(CELLS_MAX // max(len(details.confusions), 1)))
    found = []
    for (dataset, embedding, head), counts in details.confusions.items():
        number = {name: at for at, name in enumerate(details.classes[dataset])}
        cells = confusion_frame(counts, details.classes[dataset], most)
        reliability = details.reliabilities.get((dataset, embedding, head))
        found.append(
            {
                "dataset": dataset,
                "embedding": embedding,
                "head": head,
                "confusion": [
                    [number[truth], number[predicted], images, share]
                    for truth, predicted, images, share in cells.itertuples(index=False)
                ],
                "reliability": reliability and columns(reliability_frame(reliability)),
            }
        )
    return found


def _templates(figures: FigureData, materials: Materials, styles: dict[str, HeadStyle]) -> dict[str, Any]:
    """Made with any rows; titles, ticks and domains are the page's business."""
    made: dict[str, Any] = {}
    curves, differences, costs = figures.curves, figures.differences, figures.costs
    if len(curves):
        first = curves.head(1)
        made["curves"] = template(curve_panel(first, styles, first["score"].iloc[0], legend=False), first, height=250)
    if len(differences):
        first = differences.head(1)
        panel = difference_panel(first, styles, first["score"].iloc[0])
        made["differences"] = template(panel, first, height=100)
    if len(costs):
        first = costs.head(1)
        panel = pareto_panel(first, styles, first["score"].iloc[0], first["measure"].iloc[0], legend=False)
        made["costs"] = template(panel, first, height=260)
    for (dataset, _, _), counts in figures.details.confusions.items():
        cells = confusion_frame(counts, figures.details.classes[dataset])
        made["confusion"] = template(confusion_panel(cells), cells)
        break
    for reliability in figures.details.reliabilities.values():
        bins = reliability_frame(reliability)
        made["reliability"] = template(reliability_panel(bins), bins, height=280)
        break
    for record in materials.records.values():
        losses = loss_frame(record.curve)
        made["losses"] = template(loss_panel(losses), losses, height=170)
        break
    return made
