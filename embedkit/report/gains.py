"""What would help most: another backbone, more labels, or another head."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np

from embedkit import statistics
from embedkit.outcomes import ORACLE, Measured, Outcomes, fixed_head
from embedkit.report.answers import label_scale, margin_of
from embedkit.statistics import Interval, Verdict


@dataclass(frozen=True)
class Gain:
    """What one change brings, as a fraction (errors: in units of the target).

    `option` says how many labels, or is the backbone or head changed to: of several, the one that was chosen for most
    of the images and draws, and `of` is how many there were to choose from.
    """

    change: Literal["labels", "backbone", "head"]
    option: str
    of: int
    difference: Interval
    verdict: Verdict


@dataclass(frozen=True)
class Gains:
    """What changes bring that start from one head on one backbone at one budget, the largest gain first."""

    dataset: str
    backbone: str
    codec: str
    selection: str
    head: str
    labels: str
    score: str
    gains: list[Gain]


def what_helps(tables: Sequence[Outcomes], head: str | None = None) -> Gains | None:
    """What would help most on one data set, from `head` on the last of its tables.

    All gains are paired on images and draws and start at one budget, the smaller one of the two that are closest to
    doubling the labels. Another backbone or head is a champion that is chosen on other images and draws than those that
    judge it. None where there is no head to start from.

    Parameters
    ----------
    tables : sequence of Outcomes
        Of one data set, as `read_outcomes` gives them: the best on average last.
    head : str, optional
        Default: the fully connected head that is fixed in advance, else the first.
    """
    ranked = [outcomes for outcomes in tables if outcomes.selection != ORACLE]
    if not ranked:
        return None
    base = ranked[-1]
    head = head or fixed_head(base.heads) or base.heads[0]
    pair = _doubling(base, head)
    budget = pair[0] if pair else next((b for b in reversed(base.budgets) if (head, b) in base.measured), None)
    if budget is None:
        return None
    here = base.measured[head, budget]
    n_labels, unit = label_scale(base)
    labels = {b: f"{n:g} {unit}" if n != 1 else f"1 {unit.replace('labels', 'label')}" for b, n in n_labels.items()}
    gains = [_gain(base, here, "labels", {labels[pair[1]]: base.measured[head, pair[1]]})] if pair else []
    others = {name: base.measured[name, budget] for name in base.at(budget) if name != head}
    gains += [_gain(base, here, "head", others)] if others else []
    backbones = {
        _embedding(other, base): other.measured[head, budget]
        for other in ranked[:-1]
        if other.selection == base.selection and (head, budget) in other.measured and _paired(other, base, head, budget)
    }
    gains += [_gain(base, here, "backbone", backbones)] if backbones else []
    gains.sort(key=lambda gain: -gain.difference.estimate)
    place = (base.dataset, base.backbone, base.codec, base.selection)
    return Gains(*place, head, labels[budget], base.score, gains) if gains else None


def _doubling(outcomes: Outcomes, head: str) -> tuple[str, str] | None:
    """The two budgets closest to doubling the labels; of equal ones the largest."""
    n_labels, _ = label_scale(outcomes)
    there = [b for b in outcomes.budgets if (head, b) in outcomes.measured and n_labels.get(b, 0) > 0]
    pairs = [
        (small, large)
        for small, large in combinations(there, 2)
        if n_labels[small] < n_labels[large] and _same_draws(outcomes, head, small, large)
    ]
    off = {pair: abs(math.log2(n_labels[pair[1]] / n_labels[pair[0]]) - 1) for pair in pairs}
    return min(pairs, key=lambda pair: (round(off[pair], 6), -n_labels[pair[1]]), default=None)


def _same_draws(outcomes: Outcomes, head: str, small: str, large: str) -> bool:
    return outcomes.measured[head, small].repeats == outcomes.measured[head, large].repeats


def _paired(other: Outcomes, base: Outcomes, head: str, budget: str) -> bool:
    return other.ids == base.ids and other.measured[head, budget].repeats == base.measured[head, budget].repeats


def _embedding(other: Outcomes, base: Outcomes) -> str:
    return other.backbone if other.codec == base.codec else f"{other.backbone} | {other.codec}"


def _gain(
    base: Outcomes, here: Measured, change: Literal["labels", "backbone", "head"], options: dict[str, Measured]
) -> Gain:
    best, chosen = statistics.champion([option.correct for option in options.values()], base.images, base.ids)
    most, _ = max(chosen, key=lambda one: one[1])
    difference = statistics.interval(best - here.correct.astype(np.float64), base.images, here.folds)
    verdict = statistics.verdict(difference, margin_of(base))
    return Gain(change, list(options)[most], len(options), difference, verdict)
