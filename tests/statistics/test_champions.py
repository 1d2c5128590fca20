from __future__ import annotations

import hashlib
import math

import numpy as np
import pytest
from worlds import SmallWorld, of_equal_weight

from embedkit.statistics import Interval, champion, champion_difference, interval


@pytest.fixture(scope="module")
def ten_against_one() -> tuple[list[Interval], list[float]]:
    """Of studies where all heads are equal: champion against champion, and best of ten against the one."""
    crossed, best_of_ten = [], []
    for study in range(300):
        world = SmallWorld(study)
        world.new_study()
        ten, one = [world.head() for _ in range(10)], world.head()
        crossed.append(champion_difference(ten, [one], world.images, world.ids))
        best_of_ten.append(max(head.mean() for head in ten) - one.mean())
    return crossed, best_of_ten


def test_a_family_of_ten_equal_heads_is_not_ahead_of_one(ten_against_one: tuple[list[Interval], list[float]]) -> None:
    estimates = [found.estimate for found in ten_against_one[0]]
    assert abs(np.mean(estimates)) < 3 * np.std(estimates) / math.sqrt(len(estimates))
    assert np.mean([found.excludes_zero for found in ten_against_one[0]]) < 0.07


def test_the_best_of_ten_on_the_same_images_would_be_ahead(
    ten_against_one: tuple[list[Interval], list[float]],
) -> None:
    differences = ten_against_one[1]
    assert np.mean(differences) > 10 * np.std(differences) / math.sqrt(len(differences))
    assert np.mean(np.array(differences) > 0) > 0.8


def test_champions_that_really_differ_are_found_apart() -> None:
    world = SmallWorld(0)
    world.new_study()
    weak, strong, one = world.head(0.5), world.head(0.8), world.head(0.7)
    found = champion_difference([weak, strong], [one], world.images, world.ids)
    assert found == interval(strong - one, world.images)
    assert found.excludes_zero


def test_families_of_one_head_each_are_compared_head_against_head_with_one_repeat() -> None:
    world = SmallWorld(0, R=1)
    world.new_study()
    first, second = world.head(), world.head()
    found = champion_difference([first], [second], world.images, world.ids)
    assert found == interval(first - second, world.images)


def test_the_half_of_an_image_follows_from_its_group() -> None:
    rng = np.random.default_rng(0)
    groups = np.arange(100) // 2
    per_group = [np.repeat(rng.integers(0, 2, (4, 50)), 2, axis=1) for _ in range(3)]
    ids = [f"{i:03d}" for i in range(100)]
    swapped = [ids[i] if i % 2 == 0 else f"x{i}" for i in range(100)]
    images = of_equal_weight(100, groups)
    first, second = (champion_difference(per_group[:2], per_group[2:], images, names) for names in (ids, swapped))
    assert first == second


def test_a_champion_is_chosen_by_the_opposite_quarter() -> None:
    images, ids = of_equal_weight(8), list("abcdefgh")
    half = np.array([hashlib.sha256(name.encode()).digest()[0] & 1 for name in ids])
    assert 0 < half.sum() < 8
    turn = np.arange(4)[:, None] % 2
    first = ((half == 0) & (turn == 0)).astype(int)  # right in one quarter, which chooses it for the opposite one
    second = np.zeros((4, 8), dtype=int)
    correct, chosen = champion([second, first], images, ids)
    np.testing.assert_array_equal(correct, np.zeros((4, 8)))
    share = float(np.mean((half == 1) & (turn == 1)))
    assert chosen == [(0, pytest.approx(1 - share)), (1, pytest.approx(share))]
