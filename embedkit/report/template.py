"""Charts without their rows: what the page draws again and again with other rows."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd

from embedkit.report.figures.style import INK


def template(chart: Any, frame: pd.DataFrame, **properties: Any) -> dict[str, Any]:
    """A chart of `frame` as a Vega-Lite specification whose data set ``rows`` is left to fill, as wide as its place.

    Black becomes the colour of text, so that it can be seen on a dark page too.
    """
    spec = chart.properties(width="container", **properties).to_dict()
    columns = set(frame.columns)
    name = next(name for name, rows in spec["datasets"].items() if rows and columns <= set(rows[0]))
    del spec["datasets"][name]
    spec.pop("config")
    spec["autosize"] = {"type": "fit-x", "contains": "padding"}
    text = json.dumps(spec).replace(f'"{name}"', '"rows"').replace(INK, "currentColor")
    return dict(json.loads(text))
