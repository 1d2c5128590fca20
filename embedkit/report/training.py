"""How the autoencoders of a study were trained, for the page: loss curves, and images beside what was made of them."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from embedkit.backbones.encoder_files import TrainingRecord
    from embedkit.plan import Plan

SHOWN_PIXELS = 56
"""Smaller images are enlarged to about this side by whole factors."""


def training_records(plan: Plan) -> dict[str, TrainingRecord]:
    """By data set and backbone, those that were trained on the pool here."""
    from embedkit.backbones import Backbone
    from embedkit.backbones.encoder_files import training_record

    found = {
        f"{name}, {text}": training_record(backbone.recipe)
        for name, bench in plan.benches.items()
        for text, backbone in bench.backbones.items()
        if isinstance(backbone, Backbone) and backbone.training_passes
    }
    return {title: record for title, record in found.items() if record is not None}


def training_section(records: Mapping[str, TrainingRecord], charts: list[dict[str, Any]]) -> str:
    """One part for each encoder; its chart is added to those of the page."""
    import altair as alt
    import pandas as pd

    parts = []
    for title, record in records.items():
        curve = pd.DataFrame(record.curve, columns=["step", "loss"])
        line = (
            alt.Chart(curve).mark_line(color="#333").encode(x="step:Q", y=alt.Y("loss:Q", scale=alt.Scale(zero=False)))
        )
        chart = line.properties(width="container", height=160).configure_view(stroke=None).to_dict()
        picture = base64.b64encode(_png(record)).decode()
        parts.append(
            f"<h3>{escape(title)}</h3>\n<div class='charts'><div class='chart' id='chart{len(charts)}'></div>"
            f"<div><img alt='images, what was made of them, and reconstructions' src='data:image/png;base64,{picture}'>"
            "</div></div>"
        )
        charts.append(chart)
    if not parts:
        return ""
    words = "Loss after each epoch; images of the pool, what the encoder was given, and what the decoder made of it."
    return f"<section><h2>Training of encoders</h2>\n<p>{words}</p>\n{''.join(parts)}</section>"


def _png(record: TrainingRecord) -> bytes:
    """Originals, inputs and reconstructions, one row each."""
    from PIL import Image

    rows = [
        np.concatenate(list(images), axis=1) for images in (record.originals, record.inputs, record.reconstructions)
    ]
    factor = max(1, round(SHOWN_PIXELS / record.originals.shape[1]))
    pixels = np.concatenate(rows).repeat(factor, axis=0).repeat(factor, axis=1)
    buffer = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).save(buffer, "PNG")
    return buffer.getvalue()
