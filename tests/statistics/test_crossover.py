from __future__ import annotations

import math

import pytest

from embedkit.statistics import Crossover, Spread, crossover

BUDGETS = ["1", "5", "25"]


def ahead(*by_budget: tuple[float, float]) -> dict[tuple[str, str], Spread]:
    """How far one head is ahead of another at each budget, each with its standard error."""
    return {
        ("svm", budget): Spread(estimate, 0.0, error**2, math.inf)
        for budget, (estimate, error) in zip(BUDGETS, by_budget, strict=True)
    }


def test_a_head_that_starts_behind_and_ends_ahead_crosses() -> None:
    assert crossover(BUDGETS, ahead((-0.1, 0.01), (0.0, 0.004), (0.05, 0.01))) == Crossover("crosses", "5", "5")


def test_between_the_ends_lie_budgets_that_are_not_decided() -> None:
    assert crossover(BUDGETS, ahead((-0.1, 0.01), (-0.01, 0.01), (0.05, 0.01))) == Crossover("crosses", "5", "25")


def test_a_head_that_is_nowhere_below_the_margin_crosses_at_the_first_budget() -> None:
    assert crossover(BUDGETS, ahead(*[(0.0, 0.004)] * 3)) == Crossover("crosses", "1", "1")


def test_a_head_that_ends_behind_never_crosses() -> None:
    never = crossover(BUDGETS, ahead((0.1, 0.01), (0.0, 0.004), (-0.1, 0.01)))
    assert never == Crossover("never within the budgets tried", None, None)


def test_wide_intervals_decide_nothing() -> None:
    assert crossover(BUDGETS, ahead(*[(0.0, 0.1)] * 3)) == Crossover("not decided", "1", None)


def test_a_lower_end_is_told_where_the_upper_one_is_not_decided() -> None:
    assert crossover(BUDGETS, ahead((-0.1, 0.1), (-0.1, 0.01), (0.0, 0.1))) == Crossover("not decided", "25", None)


def test_a_head_that_falls_behind_again_has_not_crossed_before() -> None:
    assert crossover(BUDGETS, ahead((0.1, 0.001), (-0.1, 0.001), (0.1, 0.001))) == Crossover("crosses", "25", "25")


def test_every_other_head_must_be_caught_up_with() -> None:
    others = ahead(*[(0.1, 0.01)] * 3) | {("lda", "1"): Spread(-0.1, 0.0, 0.0001, math.inf)}
    assert crossover(BUDGETS, others) == Crossover("crosses", "5", "5")


@pytest.mark.parametrize(("heads", "found"), [(1, None), (9, "1")])
def test_the_lower_end_is_corrected_for_all_that_is_looked_at(heads: int, found: str | None) -> None:
    one = Spread(-0.01 - 0.025, 0.0, 0.01**2, math.inf)  # z = 2.5 behind the margin
    level = Spread(0.0, 0.0, 0.01**2, math.inf)
    differences = {("0", "1"): one} | {(str(head), "1"): level for head in range(1, heads)}
    assert crossover(["1"], differences).lower == found


def test_the_margin_moves_the_crossover() -> None:
    differences = ahead((-0.03, 0.005), (-0.03, 0.005), (-0.03, 0.005))
    assert crossover(BUDGETS, differences, margin=0.05).status == "crosses"
    assert crossover(BUDGETS, differences, margin=0.01).status == "never within the budgets tried"


def test_without_differences_nothing_is_decided() -> None:
    assert crossover(BUDGETS, {}) == Crossover("not decided", None, None)
