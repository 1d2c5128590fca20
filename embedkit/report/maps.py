"""Maps of embeddings for the page: where test images lie, and a thumbnail of each."""

from __future__ import annotations

from typing import Any

import pandas as pd

from embedkit.outcomes import Outcomes
from embedkit.report.details import Details
from embedkit.report.figures.embedding_map import class_marks, map_frame, map_panel
from embedkit.report.figures.label import embedding_labels, embedding_of
from embedkit.report.gallery import NO_PICTURES
from embedkit.report.materials import Materials
from embedkit.report.template import template
from embedkit.report.thumbnails import COLUMNS, SPRITE_SIDE, sprite, thumbnails

SPRITE_BYTES = 500_000
"""For the thumbnails of all data sets together."""
GRID = 1000
"""Places along each side of a map, to which points are rounded."""


def map_data(found: list[Outcomes], details: Details, materials: Materials) -> tuple[list[Any], dict[str, Any]]:
    """For each data set and backbone in the store a map, and for each data set what all of its maps share."""
    maps: list[dict[str, Any]] = []
    images: dict[str, Any] = {}
    labels = embedding_labels(map(embedding_of, found))
    shown: dict[tuple[str, str], list[str]] = {}
    for each in found:
        shown.setdefault((each.dataset, each.backbone), []).append(labels[embedding_of(each)])
    for (dataset, backbone), these in shown.items():
        key = materials.embeddings.get((dataset, backbone))
        if key is None:
            continue
        best = details.best[dataset]
        points, share = map_frame(key, best, details.classes[dataset])
        if points.empty:  # embeddings of an older store, whose ids were not kept
            continue
        if dataset not in images:
            bytes_max = SPRITE_BYTES // len({name for name, _ in shown})
            images[dataset] = _shared(points, best, details, materials, bytes_max)
        panel = map_panel(points, images[dataset]["names"] or (), legend="target" in points)
        maps.append(
            {
                "dataset": dataset,
                "embeddings": these,
                "x": _rounded(points["x"]),
                "y": _rounded(points["y"]),
                "share": round(100 * share),
                "template": template(panel, points, height=380),
            }
        )
    return maps, images


def _rounded(values: pd.Series) -> list[int]:
    low, high = values.min(), values.max()
    return ((values - low) / max(high - low, 1e-12) * GRID).round().astype(int).tolist()


def _shared(
    points: pd.DataFrame, best: Outcomes, details: Details, materials: Materials, bytes_max: int
) -> dict[str, Any]:
    ids = points["image"].tolist()
    wrong = details.mistakes[best.dataset].wrong_share()
    present = set(points.get("class", ()))
    classes = [name for name in details.classes[best.dataset] if name in present]
    truth = points["target"].tolist() if "target" in points else [classes.index(name) for name in points["class"]]
    colors, shapes = class_marks(len(classes))
    dataset = materials.datasets.get(best.dataset)
    made = None if dataset is None else sprite(thumbnails(dataset, ids, SPRITE_SIDE), bytes_max)
    return {
        "ids": ids,
        "of": len(best.ids),
        "truth": truth,
        "names": classes or None,
        "marks": list(zip(colors, shapes, strict=True)),
        "wrong": [float(f"{wrong[image]:.3g}") if image in wrong else None for image in ids],
        "sprite": made and {"uri": made.uri, "side": made.side, "columns": COLUMNS},
        "why": NO_PICTURES,
    }
