"""Whether a difference is real, and whether it matters."""

from __future__ import annotations

from typing import Literal

from embedkit.statistics.intervals import Interval

MARGIN = 0.01
"""Differences of accuracy up to one percentage point do not matter."""

Verdict = Literal["better", "worse", "level", "undecided"]


def verdict(difference: Interval, margin: float = MARGIN) -> Verdict:
    """What an interval of a difference says; `margin` is in its unit.

    Level is a finding of its own (Schuirmann 1987): the whole interval lies within the margin, even where it excludes
    0. An interval that holds 0 and reaches beyond the margin decides nothing.
    """
    if abs(difference.estimate) + difference.half_width <= margin:
        return "level"
    if difference.excludes_zero:
        return "better" if difference.estimate > 0 else "worse"
    return "undecided"
