"""How the autoencoders of a study were trained, for the page: loss curves, and images beside what was made of them."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from embedkit.report import html

if TYPE_CHECKING:
    from embedkit.backbones.encoder_files import TrainingRecord

SHOWN_PIXELS = 56
"""Smaller images are enlarged to about this side by whole factors."""
GAP_PIXELS = 4


def loss_place(number: int) -> str:
    """The id of the place where the page draws the loss of the encoder with this number."""
    return f"losses-{number + 1}"


def training_section(records: Mapping[tuple[str, str], TrainingRecord]) -> str:
    """One part for each encoder, by data set and backbone."""
    parts = []
    for number, ((dataset, backbone), record) in enumerate(records.items()):
        picture = base64.b64encode(_png(record)).decode()
        parts.append(
            f"<h3>{escape(f'{dataset}, {backbone}')}</h3>\n"
            f"<div class='training'><div class='chart' id='{loss_place(number)}'></div>"
            f"<div><img alt='images, what was made of them, and reconstructions' src='data:image/png;base64,{picture}'>"
            "</div></div>"
        )
    if not parts:
        return ""
    words = (
        "Loss after each epoch. Above: images of the pool; in the middle: what the encoder was given of "
        "them; below: what the decoder made of that."
    )
    return html.section("Training of encoders", html.paragraph(words) + "".join(parts), "training", secondary=True)


def _png(record: TrainingRecord) -> bytes:
    """Originals, inputs and reconstructions, one row each."""
    from PIL import Image

    factor = max(1, round(SHOWN_PIXELS / record.originals.shape[1]))
    gap = ((0, GAP_PIXELS), (0, GAP_PIXELS), (0, 0))
    rows = [
        np.concatenate(
            [np.pad(image.repeat(factor, axis=0).repeat(factor, axis=1), gap, constant_values=255) for image in images],
            axis=1,
        )
        for images in (record.originals, record.inputs, record.reconstructions)
    ]
    pixels = np.concatenate(rows)
    buffer = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).save(buffer, "PNG")
    return buffer.getvalue()
