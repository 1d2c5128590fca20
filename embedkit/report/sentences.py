"""Answers in words."""

from __future__ import annotations

import pandas as pd

from embedkit.errors import counted
from embedkit.report.answers import Answers
from embedkit.report.gains import Gain, Gains
from embedkit.report.numbers import difference_text, labels_text, listed, margin_text

BEHIND_MAX = 4


def crossover_sentence(answers: Answers, score: str) -> str:
    """From how many labels on the fully connected head is below no classical one."""
    head, found, unit = answers.head, answers.crossover, answers.label_unit
    within = f"by more than {margin_text(answers.margin, score)}"
    lower, upper = (
        None if budget is None else f"{answers.n_labels[budget]:g}" for budget in (found.lower, found.upper)
    )
    smallest = f"{min(answers.n_labels.values()):g}"
    if upper == smallest:
        return f"At no budget tried is {head} behind a classical head {within}."
    if upper:
        between = upper if lower == upper else f"somewhere between {lower} and {upper}"
        return f"{head} is behind no classical head {within} from {between} {unit} on."
    if lower is None:
        return f"Within the budgets tried some classical head stays ahead of {head} {within}."
    but = "" if lower == smallest else f"; not before {lower}"
    return f"It is not decided from how many {unit} on {head} is behind no classical head {within}{but}."


def savings_sentence(answers: Answers) -> str:
    """How many labels the fully connected head needs for what the best classical one reaches."""
    if not answers.savings:
        return ""
    smallest, largest = answers.savings[0].reached_with, answers.savings[-1].reached_with
    told = []
    for saving in answers.savings:
        needed, low, high = (labels_text(n, smallest, largest) for n in (saving.needed, saving.low, saving.high))
        told.append(needed if low == high else f"{needed} ({low} to {high})")
    reached = listed([f"{saving.reached_with:g}" for saving in answers.savings])
    return (
        f"For what the best classical head reaches with {reached} {answers.label_unit}, {answers.head} needs "
        f"{listed(told)}."
    )


def against_sentence(answers: Answers, score: str) -> str:
    """How often the fully connected head is ahead of each other one, and behind whom."""
    counts = answers.against["verdict"].value_counts()
    behind = answers.against[answers.against["verdict"] == "worse"]
    margin = margin_text(answers.margin, score)
    names = {"better": "ahead", "worse": "behind", "level": f"level within {margin}", "undecided": "undecided"}
    told = {verdict: f"{words} in {counts[verdict]}" for verdict, words in names.items() if verdict in counts}
    if len(behind):
        told["worse"] += f" ({_heads_at(behind)})"
    comparisons = f"{answers.head} against each head at each budget (one family, Holm), of {len(answers.against)}"
    return f"{comparisons}: {', '.join(told.values())}."


def _heads_at(behind: pd.DataFrame) -> str:
    worst = behind.groupby("head", sort=False)["difference"].min().sort_values().index
    told = [f"{head} at {', '.join(behind.loc[behind['head'] == head, 'budget'])}" for head in worst[:BEHIND_MAX]]
    more = len(worst) - BEHIND_MAX
    return "; ".join([*told, counted(more, "more head")] if more > 0 else told)


def calibration_sentence(answers: Answers) -> str:
    """Whose confidences can be believed, at the largest budget."""
    found = answers.calibration
    if found.empty:
        return ""
    budget = found["budget"].iloc[-1]
    here = found[found["budget"] == budget].sort_values("brier", kind="stable")
    best, last = here.iloc[:2], here.iloc[2:].tail(1)
    told = [_believed(row) for row in best.to_dict("records")]
    worst = f"; least {_believed(last.to_dict('records')[0])}" if len(last) else ""
    hidden = "" if here["calibration_error"].notna().any() else "; too few test images for calibration errors"
    return f"Most to be believed at {budget}, by the Brier score of being right: {listed(told)}{worst}{hidden}."


def _believed(row: dict[str, float]) -> str:
    error = row["calibration_error"]
    off = "" if pd.isna(error) else f", calibration error {error:.3f}"
    return f"{row['head']} ({row['brier']:.3f} ±{row['half_width']:.3f}{off})"


def gains_sentence(gains: Gains) -> str:
    """What would help most, the largest gain first."""
    place = gains.backbone if gains.codec == "float32" else f"{gains.backbone} | {gains.codec}"
    told = [f"{_change(gain)} {difference_text(gain.difference, gains.score)}" for gain in gains.gains]
    unit = "" if gains.score == "mae" else ", in points"
    return f"What {gains.head} on {place} would gain at {gains.labels}{unit}: {'; '.join(told)}."


def _change(gain: Gain) -> str:
    if gain.change == "labels":
        return gain.option
    choice = gain.option if gain.of == 1 else f"the best of {gain.of}, mostly {gain.option}"
    return f"another {gain.change} ({choice})"
