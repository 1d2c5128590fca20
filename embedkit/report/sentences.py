"""Answers in words."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from embedkit.report.answers import Answers
from embedkit.report.gains import Gain, Gains
from embedkit.report.numbers import difference_text, labels_text, listed, margin_text
from embedkit.statistics import Crossover

BEHIND_MAX = 4


def crossover_sentence(answers: Answers, budgets: Sequence[str], score: str) -> str:
    """From how many labels on the fully connected head is below no classical one."""
    head, found, unit = answers.head, answers.crossover, answers.label_unit
    within = f"by more than {margin_text(answers.margin, score)}"
    if found.status == "crosses" and found.upper == budgets[0]:
        return f"At no budget tried is {head} behind a classical head {within}."
    if found.status == "crosses":
        return f"{head} is behind no classical head {within} from {_between(found)} {unit} on."
    if found.lower is None:
        return f"Within the budgets tried some classical head stays ahead of {head} {within}."
    lower = "" if found.lower == budgets[0] else f", but not before {found.lower}"
    return f"From how many {unit} on {head} is behind no classical head {within} is not decided{lower}."


def _between(found: Crossover) -> str:
    return str(found.upper) if found.lower == found.upper else f"{found.lower} to {found.upper}"


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
    names = {
        "better": "ahead in",
        "worse": "behind in",
        "level": f"level within {margin} in",
        "undecided": "undecided in",
    }
    told = [f"{words} {counts[verdict]}" for verdict, words in names.items() if verdict in counts]
    if len(behind):
        at = told.index(f"behind in {len(behind)}")
        told[at] += f" ({_heads_at(behind)})"
    comparisons = len(answers.against)
    return f"{answers.head} against each head at each budget (one family, Holm), of {comparisons}: {', '.join(told)}."


def _heads_at(behind: pd.DataFrame) -> str:
    worst = behind.groupby("head", sort=False)["difference"].min().sort_values().index
    told = [f"{head} at {', '.join(behind.loc[behind['head'] == head, 'budget'])}" for head in worst[:BEHIND_MAX]]
    more = len(worst) - BEHIND_MAX
    return "; ".join([*told, f"{more} more heads"] if more > 0 else told)


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
    told = [f"{_change(gain, gains)} {difference_text(gain.difference, gains.score)}" for gain in gains.gains]
    return f"What {gains.head} on {place} would gain at {gains.budget} {gains.label_unit}: {'; '.join(told)}."


def _change(gain: Gain, gains: Gains) -> str:
    if gain.change == "labels":
        return f"{gain.option} {gains.label_unit}"
    choice = gain.option if gain.of == 1 else f"the best of {gain.of}, mostly {gain.option}"
    return f"another {gain.change} ({choice})"
