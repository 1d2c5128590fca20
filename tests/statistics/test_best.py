from __future__ import annotations

import numpy as np
import pytest
from worlds import SmallWorld, of_equal_weight

from embedkit.statistics import best_set


def test_the_best_set_keeps_equal_heads_and_drops_a_clearly_worse_one() -> None:
    world = SmallWorld(0)
    world.new_study()
    correct = {"one": world.head(), "other": world.head(), "worse": world.head(0.55)}
    assert best_set(correct, world.images) == {"one", "other"}


def test_a_worse_head_is_dropped_whatever_its_place() -> None:
    world = SmallWorld(0)
    world.new_study()
    correct = {"worse": world.head(0.55), "good": world.head()}
    assert best_set(correct, world.images) == {"good"}


@pytest.mark.parametrize("heads", [[], ["one"]])
def test_the_best_of_at_most_one_head_is_that_head(heads: list[str]) -> None:
    assert best_set({head: np.zeros((2, 3)) for head in heads}, of_equal_weight(3)) == set(heads)


def test_each_of_many_equal_heads_is_lost_in_less_than_5_percent() -> None:
    world, kept = SmallWorld(4), []
    for _ in range(150):
        world.new_study()
        kept.append(len(best_set({str(i): world.head() for i in range(8)}, world.images)))
    assert np.mean(kept) > 0.95 * 8


def test_without_the_correction_the_bound_would_be_that_of_one_comparison() -> None:
    images = of_equal_weight(400)
    correct = {"best": np.tile(np.arange(400) < 300, (3, 1)).astype(int)}
    correct["other"] = np.tile(np.arange(400) < 296, (3, 1)).astype(int)  # z = 2.0
    assert best_set(correct, images) == {"best"}
    assert best_set(correct | {f"same {i}": correct["other"] for i in range(8)}, images) == {*correct} | {
        f"same {i}" for i in range(8)
    }
