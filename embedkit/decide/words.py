"""A recommendation in plain sentences and a short table."""

from __future__ import annotations

import pandas as pd

from embedkit.decide.candidates import Candidate, Cost
from embedkit.decide.recommendation import MARGIN, Gain, Recommendation
from embedkit.errors import counted
from embedkit.report.text import cell_text, grid, wrapped
from embedkit.scores import score_name
from embedkit.statistics import Interval

SHOWN = 8
"""So many candidates the table holds."""


def recommendation_text(found: Recommendation) -> str:
    """What to take, how sure that is, what more labels would bring and what it costs: for a terminal."""
    sentences = [_expected(found), _level(found), _resolution(found), _labels(found), _costs(found)]
    paragraphs = [line for sentence in sentences if sentence for line in wrapped(sentence)]
    table = ["", grid(*_table(found))] if found.level else []
    return "\n".join([f"{found.dataset}: take {found.candidate}", *paragraphs, *table])


def _expected(found: Recommendation) -> str:
    """The score to be expected, and on what it rests."""
    score, at = score_name(found.score), budget_words(found.budget, found.score)
    tested = counted(found.n_images, "test image")
    if found.cross_validated:
        tested = f"{counted(found.n_images, 'labelled image')} in 5 folds"
    draws = counted(found.n_repeats, "draw") + " of labels"
    first = f"With {at} its {score} is {_value(found.corrected, found.score)} ({tested}, {draws})."
    n_level = len(found.level) + 1
    if found.corrected == found.seen or n_level < 2:
        return first
    best_of = f"the choice among {n_level} on these very images is taken off"
    return f"{first} It looked like {_value(found.seen, found.score)}; what it owes to {best_of}."


def _level(found: Recommendation) -> str:
    """How sure it is."""
    behind = found.n_candidates - len(found.level) - 1
    if not found.level:
        return f"It is ahead of all {behind} others that were tried." if behind else "Nothing else was tried."
    rest = f", {behind} are behind" if behind else ""
    sentence = f"Of {found.n_candidates} that were tried {len(found.level)} cannot be told from the best{rest}."
    better = [rival for rival in found.level if rival.difference.estimate > 0]
    if better:
        best = better[0]
        level = "1% of its error" if found.score == "mae" else f"{100 * MARGIN:.0f} point"
        sentence += (
            f" It is not the first of them, but within {level} of it the cheapest: "
            f"{best.candidate} had {_difference(best.difference, found.score)}."
        )
    return sentence


def _resolution(found: Recommendation) -> str:
    if found.resolution is None:
        return ""
    least = _amount(found.resolution, found.score)
    what = "errors that differ" if found.score == "mae" else "heads that differ"
    return f"This test is too small to tell apart {what} by less than about {least}."


def _labels(found: Recommendation) -> str:
    """What more labels brought."""
    if found.larger:
        steps = [f"{budget_words(gain.to, found.score)} {_gained(gain, found.score)}" for gain in found.larger]
        return f"More labels: {'; '.join(steps)}."
    if found.last_step is None:
        return "What more labels would bring was not tried: run it with several --budgets."
    step = found.last_step
    of = f"from {step.of} to {budget_words(step.to, found.score)}"
    return f"More labels were not tried; the last step, {of}, brought {_gained(step, found.score)}."


def _gained(gain: Gain, score: str) -> str:
    return _difference(gain.gain, score) + ("" if gain.gain.excludes_zero else " (may be nothing)")


def _costs(found: Recommendation) -> str:
    cost = found.cost
    if cost.fit_s is None:
        return ""
    network = "" if not cost.backbone_macs else f", after {_macs(cost.backbone_macs)} of the network"
    return (
        f"On one core it takes {_seconds(cost.fit_s)} to choose parameters and fit, "
        f"and {_seconds(cost.predict_s)} for each new image{network}."
    )


def budget_words(budget: str, score: str) -> str:
    """``25 labels per class``; of numbers ``25 labels``; ``all labels``."""
    if not budget.isdigit():
        return f"{budget} labels" if budget == "all" else f"{budget} of labels"
    return counted(int(budget), "label") + ("" if score == "mae" else " per class")


def _table(found: Recommendation) -> tuple[list[str], list[list[str]]]:
    """The recommended candidate and those that are level with it."""
    sign = "error" if found.score == "mae" else "points"
    lines = [_line(found.candidate, "-", found.cost)]
    for rival in found.level[:SHOWN]:
        lines.append(_line(rival.candidate, _difference(rival.difference, found.score, unit=""), rival.cost))
    if len(found.level) > SHOWN:
        lines.append([f"and {len(found.level) - SHOWN} more", "", "", "", ""])
    return ["cannot be told apart", f"difference, {sign}", "choose, fit", "predict", "network"], lines


def _line(candidate: Candidate, difference: str, cost: Cost) -> list[str]:
    work = _macs(cost.backbone_macs) if cost.backbone_macs else "-"
    return [str(candidate), difference, _seconds(cost.fit_s), _seconds(cost.predict_s), work]


def _value(interval: Interval, score: str) -> str:
    if score == "mae":
        return cell_text(Interval(-interval.estimate, interval.half_width), score)
    return f"{100 * interval.estimate:.1f}% ±{100 * interval.half_width:.1f}"


def _difference(interval: Interval, score: str, unit: str = " points") -> str:
    if score == "mae":
        return f"{'+' if interval.estimate < 0 else ''}{cell_text(Interval(-interval.estimate, interval.half_width), score)}"
    return f"{100 * interval.estimate:+.1f} ±{100 * interval.half_width:.1f}{unit}"


def _amount(value: float, score: str) -> str:
    return f"{value:.3g}" if score == "mae" else f"{100 * value:.1f} points"


def _seconds(seconds: float | None) -> str:
    if seconds is None or pd.isna(seconds):
        return "-"
    if seconds < 1e-3:
        return f"{1e6 * seconds:.1f} µs"
    return f"{1000 * seconds:.1f} ms" if seconds < 10 else f"{seconds:.0f} s"


def _macs(macs: int) -> str:
    return f"{macs / 1e9:.1f} GMAC" if macs >= 1e8 else f"{macs / 1e6:.1f} MMAC"
