"""What the statistics promise, in simulated studies; ``benchmarks/simulate_statistics.py`` prints the whole table."""

from __future__ import annotations

import os

import pytest
from worlds import WORLDS, Found, World, best_found, crossover_found, intervals_found

FEW, MANY = 200, 2000
SMALL = [world for world in WORLDS if world.n < 5000]
REJECTED_MAX = {FEW // 4: 8, FEW: 20, MANY: 131}
"""Of tests at 5%: what comes in less than one of a thousand simulations by chance."""

IN_FULL = pytest.mark.skipif("EMBEDKIT_SLOW" not in os.environ, reason="2,000 studies take minutes: EMBEDKIT_SLOW=1")


def check_intervals(found: Found, least: float, most: float) -> None:
    assert least <= found.share("score") <= most
    assert least <= found.share("difference") <= most
    assert found.share("score, new pools") >= least
    assert found.share("difference, new pools") >= least
    assert found.counts.get("rejected", 0) <= REJECTED_MAX[found.studies]
    assert found.counts.get("rejected, new pools", 0) <= REJECTED_MAX[found.studies]


@pytest.mark.parametrize("world", WORLDS, ids=str)
def test_intervals_cover_and_equal_heads_are_not_told_apart(world: World) -> None:
    check_intervals(intervals_found(world, FEW if world.n < 5000 else FEW // 4), 0.86, 1.0)


@pytest.mark.parametrize("world", [world for world in SMALL if world.R == 5], ids=str)
def test_the_best_stays_in_the_set_of_the_best(world: World) -> None:
    assert best_found(world, FEW).share("kept") >= 0.92


@pytest.mark.parametrize("world", [world for world in SMALL if world.R == 10], ids=str)
def test_the_crossover_lies_in_its_interval(world: World) -> None:
    assert crossover_found(world, FEW // 2).share("covered") >= 0.95


def test_without_a_new_pool_in_it_an_interval_does_not_cover_new_pools() -> None:
    found = intervals_found(World(0.38, 10, 360), FEW // 4)
    assert found.share("score, half-width") < 0.7 * found.share("score, new pools, half-width")


@pytest.mark.slow
@IN_FULL
@pytest.mark.parametrize("world", WORLDS, ids=str)
def test_intervals_cover_93_to_99_percent_of_2000_studies(world: World) -> None:
    check_intervals(intervals_found(world, MANY), 0.93, 0.99)


@pytest.mark.slow
@IN_FULL
@pytest.mark.parametrize("world", WORLDS, ids=str)
def test_the_best_stays_in_the_set_in_95_percent_of_2000_studies(world: World) -> None:
    found = best_found(world, MANY)
    assert found.share("kept") >= 0.95
    assert found.share("kept by t tests over repeats") < found.share("kept") - 0.01


@pytest.mark.slow
@IN_FULL
@pytest.mark.parametrize("world", WORLDS, ids=str)
def test_the_crossover_lies_in_its_interval_in_95_percent_of_2000_studies(world: World) -> None:
    assert crossover_found(world, MANY).share("covered") >= 0.95
