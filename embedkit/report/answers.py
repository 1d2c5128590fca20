"""What a user asks of one table: from how many labels on, how many labels saved, against whom, and how sure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from embedkit import statistics
from embedkit.outcomes import FULLY_CONNECTED, ORACLE, Outcomes, family, fixed_head
from embedkit.statistics import Crossover, LabelSavings, Spread

NOT_CLASSICAL = (FULLY_CONNECTED, "fine-tuning")
CALIBRATION = ["head", "budget", "brier", "half_width", "calibration_error"]
AGAINST = ["head", "budget", "difference", "half_width", "p_value", "p_holm", "verdict"]


@dataclass(frozen=True, eq=False)
class Answers:
    """Of one fully connected head, fixed in advance, on one embedding; differences are fractions (errors: in units).

    Attributes
    ----------
    head : str
    margin : float
        Differences up to it do not matter: one percentage point, or of errors a hundredth of that of saying the median.
    crossover : Crossover
        From which budget on it is below no classical head.
    savings : list of LabelSavings
        How many labels it needs for what the best classical head reaches at each budget. That one is chosen on other
        images and draws than those that count it.
    n_labels, label_unit : dict of float, str
        How many labels each budget is, and what is counted: labels per class, or labels.
    against : DataFrame
        `AGAINST`: how far it is ahead of each other head at each budget, with p-values as they are and corrected for
        being one family (Holm), and a verdict.
    calibration : DataFrame
        `CALIBRATION`: of each head that gives probabilities, at each budget, the Brier score of its confidence being
        right, with the half-width of its interval, and the debiased calibration error.
    """

    head: str
    margin: float
    crossover: Crossover
    savings: list[LabelSavings]
    n_labels: dict[str, float]
    label_unit: str
    against: pd.DataFrame
    calibration: pd.DataFrame


def answers_for(outcomes: Outcomes) -> Answers | None:
    """The answers of one table; none without a fully connected and another head, or where test images chose."""
    head = fixed_head(outcomes.heads)
    if head is None or outcomes.selection == ORACLE:
        return None
    differences = _ahead(outcomes, head)
    classical = {place: d for place, d in differences.items() if family(place[0]) not in NOT_CLASSICAL}
    if not classical:
        return None
    margin = margin_of(outcomes)
    crossover = statistics.crossover(outcomes.budgets, classical, margin)
    n_labels, unit = label_scale(outcomes)
    savings = _savings(outcomes, head, n_labels)
    against = _against(differences, margin)
    return Answers(head, margin, crossover, savings, n_labels, unit, against, calibration(outcomes))


def margin_of(outcomes: Outcomes) -> float:
    """Differences up to it do not matter."""
    if outcomes.score != "mae":
        return statistics.MARGIN
    truth = outcomes.images.truth
    return statistics.MARGIN * float(np.mean(np.abs(truth - np.median(truth))))


def label_scale(outcomes: Outcomes) -> tuple[dict[str, float], str]:
    """How many labels each budget is, and what is counted: labels per class where all budgets are, else all labels."""
    if outcomes.score != "mae" and all(budget.isdigit() for budget in outcomes.budgets):
        return {budget: float(budget) for budget in outcomes.budgets}, "labels per class"
    return outcomes.n_labeled, "labels"


def _ahead(outcomes: Outcomes, head: str) -> dict[tuple[str, str], Spread]:
    """How far a head is ahead of each other one, by head and budget."""
    return {
        (other, budget): statistics.spread(at[head] - at[other], outcomes.images, outcomes.folds(budget))
        for budget in outcomes.budgets
        if head in (at := outcomes.at(budget))
        for other in at
        if other != head
    }


def _against(differences: dict[tuple[str, str], Spread], margin: float) -> pd.DataFrame:
    p_values = np.array([difference.p_value for difference in differences.values()])
    rows = []
    for ((head, budget), difference), p, p_holm in zip(
        differences.items(), p_values, statistics.holm(p_values), strict=True
    ):
        found = difference.interval()
        verdict = statistics.verdict(found, margin)
        if verdict in ("better", "worse") and p_holm > 1 - statistics.CONFIDENCE:
            verdict = "undecided"
        rows.append((head, budget, found.estimate, found.half_width, p, p_holm, verdict))
    return pd.DataFrame(rows, columns=AGAINST)


def _savings(outcomes: Outcomes, head: str, n_labels: dict[str, float]) -> list[LabelSavings]:
    own: list[np.ndarray] = []
    best: list[np.ndarray] = []
    used: list[float] = []
    for budget in outcomes.budgets:
        at = outcomes.at(budget)
        classical = [matrix for name, matrix in at.items() if family(name) not in NOT_CLASSICAL]
        new = n_labels[budget] not in used and (not own or len(at.get(head, ())) == len(own[0]))
        if head in at and classical and new:
            own.append(at[head])
            best.append(statistics.champion(classical, outcomes.images, outcomes.ids)[0])
            used.append(n_labels[budget])
    return statistics.label_savings(own, best, used, outcomes.images) if len(used) > 1 else []


def calibration(outcomes: Outcomes) -> pd.DataFrame:
    """`CALIBRATION` of each head that gives probabilities."""
    rows = []
    for (head, budget), measured in outcomes.measured.items():
        if measured.confidence is not None and outcomes.score != "mae":
            misses = statistics.squared_misses(measured.confidence, measured.correct)
            brier = statistics.interval(misses, outcomes.images, measured.folds)
            error = statistics.calibration_error(measured.confidence, measured.correct)
            rows.append((head, budget, brier.estimate, brier.half_width, error))
    return pd.DataFrame(rows, columns=CALIBRATION)
