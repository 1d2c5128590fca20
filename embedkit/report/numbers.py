"""Numbers as tables and sentences show them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from embedkit.statistics import Interval


def cell_text(interval: Interval, score: str) -> str:
    """An estimate and its half-width: with one decimal in percent, errors with three significant digits."""
    digits = decimals(interval.estimate) if score == "mae" else 1
    return f"{interval.estimate:.{digits}f} ±{interval.half_width:.{digits}f}"


def difference_text(difference: Interval, score: str) -> str:
    """A difference with its sign, in points (errors: in units of the target)."""
    if score == "mae":
        digits = decimals(difference.half_width)
        return f"{difference.estimate:+.{digits}f} ±{difference.half_width:.{digits}f}"
    return f"{100 * difference.estimate:+.1f} ±{100 * difference.half_width:.1f}"


def margin_text(margin: float, score: str) -> str:
    points = f"{100 * margin:g}"
    return significant(margin) if score == "mae" else f"{points} point{'s' * (points != '1')}"


def significant(value: float) -> str:
    return f"{value:.{decimals(value)}f}"


def decimals(value: float) -> int:
    """How many decimals show three significant digits."""
    rounded = float(f"{value:.3g}")
    return max(0, 2 - math.floor(math.log10(abs(rounded)))) if rounded else 0


def seconds_text(seconds: float) -> str:
    """A time with three significant digits, in µs, ms or s."""
    for unit, factor in (("µs", 1e6), ("ms", 1e3)):
        if float(f"{factor * seconds:.3g}") < 1000:
            return f"{significant(factor * seconds)} {unit}"
    return f"{significant(seconds)} s"


def labels_text(count: float, smallest: float, largest: float) -> str:
    """A number of labels with two significant digits; never beyond what was tried."""
    if count <= smallest:
        return f"≤{smallest:g}"
    return f">{largest:g}" if math.isinf(count) else f"{float(f'{count:.2g}'):g}" if count < 100 else f"{count:.0f}"


def listed(words: Sequence[str]) -> str:
    """``a, b and c``."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
