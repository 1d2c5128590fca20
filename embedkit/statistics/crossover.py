"""From how many labels on one head is not below any other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from embedkit.statistics.intervals import Spread
from embedkit.statistics.verdicts import MARGIN

CrossoverStatus = Literal["crosses", "never within the budgets tried", "not decided"]


@dataclass(frozen=True)
class Crossover:
    """The smallest budget from which a head is not below any other by more than a margin at every larger budget, too.

    Attributes
    ----------
    status : {"crosses", "never within the budgets tried", "not decided"}
        "crosses" where there is an upper end; "never" where a head is ahead at the largest budgets, too.
    lower, upper : str or None
        Between which budgets it lies; without an upper end it may be beyond all of them.
    """

    status: CrossoverStatus
    lower: str | None
    upper: str | None


def crossover(
    budgets: Sequence[str],
    differences: Mapping[tuple[str, str], Spread],
    margin: float = MARGIN,
    alpha: float = 0.05,
) -> Crossover:
    """Where one head, fixed in advance, crosses all others.

    Each end is wrong in at most alpha / 2 of all studies. The upper end is the smallest budget from which on all lower
    bounds are above -margin (an intersection-union test: it needs no correction, Berger 1982). The lower end is the
    smallest budget that is not refuted; a budget is refuted if there or further on some head is ahead by more than the
    margin at alpha / 2, divided by the number of differences looked at (Bonferroni). Since each end inverts a test of
    one budget, the budgets need no correction among them.

    Parameters
    ----------
    budgets : sequence of str
        From few labels to many.
    differences : mapping from (head, budget) to Spread
        How far the one head is ahead of each other.
    """
    at = {budget: [d for (_, where), d in differences.items() if where == budget] for budget in budgets}
    tried = [budget for budget in budgets if at[budget]]
    upper = lower = None
    for number, budget in reversed(list(enumerate(tried))):
        if not all(d.estimate - d.half_width(alpha / 2) > -margin for d in at[budget]):
            break
        upper = tried[number]
    for number, budget in enumerate(tried):
        beyond = [d for later in tried[number:] for d in at[later]]
        tail = alpha / 2 / len(beyond)
        if not any(d.estimate + d.half_width(tail) < -margin for d in beyond):
            lower = budget
            break
    if upper is not None:
        return Crossover("crosses", lower, upper)
    return Crossover("never within the budgets tried" if tried and lower is None else "not decided", lower, None)
