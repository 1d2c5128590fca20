"""Test images that heads get wrong, and labels that look wrong, as pictures with words."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from embedkit.report import html
from embedkit.report.details import Details
from embedkit.report.materials import Materials
from embedkit.report.mistakes import SHOWN_MAX, Mistaken
from embedkit.report.thumbnails import SIDES, picture_uri, thumbnails

PICTURE_BYTES = 250_000
"""For the pictures of all galleries together."""
NO_PICTURES = (
    "Without pictures: this page was written from the results alone; embedkit report adds them where the images are."
)


def wrong_section(details: Details, materials: Materials) -> str:
    """The images that most heads and repeats get wrong, on the best embedding."""
    parts = []
    for dataset, mistakes in details.mistakes.items():
        best = details.best[dataset]
        found = mistakes.most_wrong()
        what = "furthest off" if best.score == "mae" else "wrong most often"
        words = f"Test images that are {what}, over all heads and repeats at the largest budget on {best.backbone}."
        shown = _figures(found, materials, dataset) if found else html.paragraph("No head is ever wrong.")
        parts.append(html.of_dataset(dataset, html.paragraph(words) + shown))
    return html.section("Images most often wrong", "".join(parts), "wrong", secondary=True) if parts else ""


def doubtful_section(details: Details, materials: Materials) -> str:
    """Labels that look wrong, by confident learning."""
    parts = []
    for dataset, mistakes in details.mistakes.items():
        if details.best[dataset].score == "mae":
            continue
        found = mistakes.doubtful_labels()
        if found is None:
            shown = html.paragraph("No head here gives probabilities.")
        elif not found:
            shown = html.paragraph("None: no test image is taken for one other class that surely by most trials.")
        else:
            shown = _figures(found, materials, dataset)
        parts.append(html.of_dataset(dataset, shown))
    words = (
        "Test images that more than half of all trials (heads that give probabilities, all repeats, the largest "
        "budget, the best embedding) take for one other class, and as surely as for that class's own images on average "
        "(confident learning, Northcutt et al. 2021, with the predicted class as the only candidate). Some are "
        "labelled wrongly, others only hard: look at them."
    )
    if not parts:
        return ""
    return html.section("Labels that look wrong", html.paragraph(words) + "".join(parts), "doubtful", secondary=True)


def _figures(found: Sequence[Mistaken], materials: Materials, name: str) -> str:
    dataset = materials.datasets.get(name)
    if dataset is None:
        lines = [[each.image, each.truth, each.taken_for or "-", _share(each)] for each in found]
        return html.paragraph(NO_PICTURES, "note") + html.table(["image", "label", "taken for", ""], lines)
    bytes_max = PICTURE_BYTES // (2 * SHOWN_MAX * len(materials.datasets))
    pictures = thumbnails(dataset, [each.image for each in found])
    tiny = " class='tiny'" if pictures[0].shape[0] <= SIDES[-1] * 2 else ""
    figures = [
        f"<figure><img{tiny} alt='{escape(each.image, quote=True)}' src='{picture_uri(picture, bytes_max)}'>"
        f"<figcaption><b>{escape(each.truth)}</b>{_taken_for(each)}<br><span class='note'>{_share(each)}</span>"
        "</figcaption></figure>"
        for each, picture in zip(found, pictures, strict=True)
    ]
    return f"<div class='gallery'>{''.join(figures)}</div>"


def _taken_for(each: Mistaken) -> str:
    return f", taken for {escape(each.taken_for)}" if each.taken_for else ""


def _share(each: Mistaken) -> str:
    return f"{each.share:.0%} of trials" if each.taken_for else f"off by {each.share:.3g}"
