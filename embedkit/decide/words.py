"""A recommendation in plain sentences and a short table."""

from __future__ import annotations

from typing import Any

import pandas as pd

from embedkit.decide.recommendation import Gain, Recommendation
from embedkit.errors import counted, listing
from embedkit.report.numbers import cell_text, difference_text, seconds_text, significant
from embedkit.report.text import grid, wrapped
from embedkit.sampling import FOLDS
from embedkit.scores import score_name
from embedkit.statistics import MARGIN, Interval

SHOWN = 8
"""So many that are level with the recommended one the table holds."""
NAMES = ("head", "backbone", "codec", "selection")


def recommendation_text(found: Recommendation) -> str:
    """What to take, how sure that is, what more labels would bring and what it costs: for a terminal."""
    sentences = [
        _missing(found),
        expected_sentence(found),
        level_sentence(found),
        _resolution(found),
        _labels(found),
        _costs(found),
    ]
    paragraphs = [line for sentence in sentences if sentence for line in wrapped(sentence)]
    table = ["", grid(*_table(found))] if found.level else []
    return "\n".join([f"{found.dataset}: take {found.candidate}", *paragraphs, *table])


def expected_sentence(found: Recommendation) -> str:
    """The score to be expected, and on what it rests."""
    return f"With {_expected(found)} ({_tested(found)}).{_owed(found)}"


def answer_sentence(found: Recommendation) -> str:
    """What to take, and the score to be expected."""
    return f"Take {found.candidate}: with {_expected(found)}."


def evidence_sentence(found: Recommendation) -> str:
    """On what the first of an answer's sentences rests, and how sure it is."""
    return f"The first of these rests on {_tested(found)}.{_owed(found)} {level_sentence(found)}"


def _expected(found: Recommendation) -> str:
    at, score = budget_words(found.budget, found.score), score_name(found.score)
    return f"{at} its {score} is {_value(found.corrected, found.score)}"


def _owed(found: Recommendation) -> str:
    expected, seen = _value(found.corrected, found.score), _value(found.seen, found.score)
    if expected == seen:
        return ""
    return (
        f" It looked like {seen}; what it owes to the choice among {len(found.level) + 1} on these very images "
        "is taken off."
    )


def _tested(found: Recommendation) -> str:
    images = counted(found.n_images, "test image")
    if found.cross_validated:
        images = f"{counted(found.n_images, 'labelled image')} in {FOLDS} folds"
    return f"{images}, {counted(found.n_repeats, 'draw')} of labels"


def _missing(found: Recommendation) -> str:
    """What should have been tried too."""
    if not found.missing:
        return ""
    told = listing([str(each) for each in found.missing], most=3)
    return f"Not all is there: without complete results at this budget are {told}. The same embedkit run goes on."


def level_sentence(found: Recommendation) -> str:
    """How sure it is."""
    behind = found.n_candidates - len(found.level) - 1
    left_out = _left_out(found.n_left_out)
    if not found.level and not behind:
        return f"Nothing else was compared: {left_out}." if left_out else "Nothing else was tried."
    others = f"; {left_out}" if left_out else ""
    if not found.level:
        rest = f"all {behind} others that were" if behind > 1 else "the only other one that was"
        return f"It is ahead of {rest} tried{others}."
    rest = f", {behind} {'is' if behind == 1 else 'are'} behind" if behind else ""
    sentence = f"Of {found.n_candidates} that were tried {len(found.level)} cannot be told from the best{rest}{others}."
    better = [rival for rival in found.level if rival.difference.estimate > 0]
    if better:
        best = better[0]
        level = "1% of its error" if found.score == "mae" else f"{100 * MARGIN:.0f} point"
        sentence += (
            f" It is not the first of them, but within {level} of it the cheapest: "
            f"{best.candidate} had {_difference(best.difference, found.score)}."
        )
    return sentence


def _left_out(count: int) -> str:
    return counted(count, "other was", "others were") + " left out, as asked" if count else ""


def _resolution(found: Recommendation) -> str:
    if found.resolution is None:
        return ""
    least = _amount(found.resolution, found.score)
    differ = "heads whose errors differ" if found.score == "mae" else "heads that differ"
    return f"This test is too small to separate {differ} by less than about {least}."


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
    """``25 labels per class``; of numbers ``25 labels``; ``200 labels in all``, ``1% of labels``, ``all labels``."""
    if budget.isdigit():
        return counted(int(budget), "label") + ("" if score == "mae" else " per class")
    if budget.endswith(" total"):
        return f"{budget.removesuffix(' total')} labels in all"
    return "all labels" if budget == "all" else f"{budget} of labels"


def _table(found: Recommendation) -> tuple[list[str], list[list[str]]]:
    """The recommended candidate and those that are level with it, by what they do not share."""
    shown = found.level[:SHOWN]
    candidates = [found.candidate, *(rival.candidate for rival in shown)]
    names = [name for name in NAMES if name == "head" or len({getattr(each, name) for each in candidates}) > 1]
    costs = [found.cost, *(rival.cost for rival in shown)]
    differences = ["-", *(_difference(rival.difference, found.score, unit="") for rival in shown)]
    lines = [
        [*(str(getattr(each, name)) for name in names), difference, _seconds(cost.fit_s), _seconds(cost.predict_s)]
        for each, difference, cost in zip(candidates, differences, costs, strict=True)
    ]
    if len(found.level) > SHOWN:
        lines.append([f"and {len(found.level) - SHOWN} more", *[""] * (len(names) + 2)])
    unit = "error" if found.score == "mae" else "points"
    return [*names, f"difference ({unit})", "choose and fit", "predict one"], lines


def _value(interval: Interval, score: str) -> str:
    if score == "mae":
        return cell_text(Interval(-interval.estimate, interval.half_width), score)
    return f"{100 * interval.estimate:.1f}% ±{100 * interval.half_width:.1f}"


def _difference(interval: Interval, score: str, unit: str = " points") -> str:
    if score == "mae":
        error = Interval(-interval.estimate, interval.half_width)
        return f"{'error ' if unit else ''}{difference_text(error, score)}"
    return f"{difference_text(interval, score)}{unit}"


def _amount(value: float, score: str) -> str:
    return significant(value) if score == "mae" else f"{100 * value:.1f} points"


def _seconds(seconds: float | None) -> str:
    return "-" if seconds is None or pd.isna(seconds) else seconds_text(seconds)


def _macs(macs: int) -> str:
    return f"{macs / 1e9:.1f} GMAC" if macs >= 1e8 else f"{macs / 1e6:.1f} MMAC"


def model_text(about: dict[str, Any]) -> str:
    """What a model was made from, and what to expect of it."""
    data, backbone, head = about["data"], about["backbone"], about["head"]
    stored = "" if about["codec"] == "float32" else f" through {about['codec']}"
    chosen = ", ".join(f"{name}={value}" for name, value in head["selected"].items())
    labelled = counted(data["n_labeled"], "labelled image")
    tested = data["n_labeled_from_test"]
    also = f", {counted(tested, 'test image')} among them" if tested else ""
    lines = wrapped(f"{head['spec']} on {backbone['name']}{stored}, fitted to {labelled} of {data['name']}{also}")
    if chosen:
        lines += wrapped(f"chosen inside these: {chosen}")
    if about["score"] is not None:
        lines += wrapped(_promise(about["score"]))
    return "\n".join(lines)


def _promise(score: dict[str, Any]) -> str:
    value = _value(Interval(score["expected"], score["half_width"]), score["metric"])
    at = budget_words(score["budget"], score["metric"])
    measured = f"{score_name(score['metric'])} {value}, as measured on {score['dataset']} with {at}"
    owed = f", without what it owes to the choice among {score['n_level']} on its test images"
    corrected = owed if score["expected"] < score["before_correction"] else ""
    return f"To be expected: {measured}{corrected}. No image is left to test this model on."
