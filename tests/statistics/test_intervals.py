from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import balanced_accuracy_score

from embedkit.statistics import Images, Interval, best_set, champion_difference, images_for, interval


def of_equal_weight(n: int, groups: np.ndarray | None = None) -> Images:
    return images_for("accuracy", np.zeros(n, dtype=np.int64), np.arange(n) if groups is None else groups)


class World:
    """Studies of heads that are right with a mean probability of .7, with effects of images and label draws."""

    def __init__(self, seed: int, R: int = 10, n: int = 200) -> None:
        self.rng, self.R, self.n = np.random.default_rng(seed), R, n
        self.images = of_equal_weight(n)
        self.ids = [f"{seed} {i}" for i in range(n)]

    def new_study(self) -> None:
        self.of_image = 0.15 * self.rng.uniform(-1, 1, self.n)
        self.of_draw = 0.04 * self.rng.uniform(-1, 1, (self.R, 1))

    def head(self, mean: float = 0.7) -> np.ndarray:
        of_head = 0.04 * self.rng.uniform(-1, 1, (self.R, 1)) + 0.05 * self.rng.uniform(-1, 1, self.n)
        return (self.rng.random((self.R, self.n)) < mean + self.of_image + self.of_draw + of_head).astype(float)


def test_interval_is_the_formula_by_hand() -> None:
    correct = np.array([[1, 1, 0, 1], [1, 0, 0, 1], [1, 1, 0, 1]])
    found = interval(correct, of_equal_weight(4))
    s_rep = np.std([3 / 4, 2 / 4, 3 / 4], ddof=1)
    s_img = np.std([1, 2 / 3, 0, 1], ddof=1)
    assert found.estimate == pytest.approx(8 / 12)
    assert found.half_width == pytest.approx(
        math.sqrt((4.302652729911275 * s_rep / math.sqrt(3)) ** 2 + (1.959963984540054 * s_img / math.sqrt(4)) ** 2)
    )


def test_interval_of_errors_is_the_formula_by_hand() -> None:
    found = interval(-np.array([[0.5, 2.0, 4.5], [1.5, 1.0, 3.5]]), of_equal_weight(3))
    s_rep, s_img = np.std([7 / 3, 6 / 3], ddof=1), np.std([1, 1.5, 4], ddof=1)
    assert found.estimate == pytest.approx(-13 / 6)
    assert found.half_width == pytest.approx(
        math.hypot(12.706204736432095 * s_rep / math.sqrt(2), 1.959963984540054 * s_img / math.sqrt(3))
    )


def test_intervals_of_skewed_errors_cover_over_draws_and_images() -> None:
    rng, covered = np.random.default_rng(3), []
    for _ in range(600):
        error = rng.gamma(1.0, 5.0, 300) * rng.uniform(0.8, 1.2, (10, 1)) * rng.uniform(0.5, 1.5, (10, 300))
        found = interval(-error, of_equal_weight(300))
        covered.append(abs(found.estimate + 5) <= found.half_width)
    assert 0.93 <= np.mean(covered) <= 0.995


def test_one_repeat_has_the_images_part_alone() -> None:
    found = interval(np.array([[1, 1, 0, 1]]), of_equal_weight(4))
    assert found.half_width == pytest.approx(1.959963984540054 * 0.5 / 2)


def test_confidence_sets_both_quantiles() -> None:
    correct = np.array([[1, 1, 0, 1], [1, 0, 0, 1]])
    s_img = np.std([1, 0.5, 0, 1], ddof=1)
    assert interval(correct, of_equal_weight(4), confidence=0.8).half_width == pytest.approx(
        math.hypot(stats.t.ppf(0.9, 1) * 0.125, stats.norm.ppf(0.9) * s_img / 2)
    )


def test_groups_are_summed_by_hand() -> None:
    found = interval(np.array([[1, 1, 0, 0, 1, 1]]), of_equal_weight(6, np.array([0, 0, 1, 1, 2, 2])))
    sums = 2 * (np.array([1, 0, 1]) - 4 / 6)
    assert found.half_width == pytest.approx(1.959963984540054 * math.sqrt(3 / 2 * np.sum(sums**2) / 6**2))


def test_groups_of_images_that_are_alike_widen_the_interval() -> None:
    correct = np.repeat(np.random.default_rng(0).integers(0, 2, (5, 50)), 4, axis=1)
    alone = interval(correct, of_equal_weight(200))
    grouped = interval(correct, of_equal_weight(200, np.arange(200) // 4))
    assert grouped.estimate == alone.estimate
    assert grouped.half_width > 1.4 * alone.half_width


def test_weights_make_the_estimate_the_balanced_accuracy() -> None:
    rng = np.random.default_rng(0)
    truth = rng.choice(4, 300, p=[0.6, 0.2, 0.15, 0.05])
    predicted = rng.integers(0, 4, (3, 300))
    found = interval(predicted == truth, images_for("balanced_accuracy", truth, np.arange(300)))
    expected = [balanced_accuracy_score(truth, row) for row in predicted]
    assert found.estimate == pytest.approx(np.mean(expected), rel=1e-12)


def test_balanced_accuracy_counts_the_spread_within_classes_only() -> None:
    truth = np.array([0, 0, 0, 0, 2, 2])
    found = interval(np.array([[1, 1, 1, 0, 0, 1]]), images_for("balanced_accuracy", truth, np.arange(6)))
    variance = (np.var([1, 1, 1, 0], ddof=1) / 4 + np.var([0, 1], ddof=1) / 2) / 2**2
    assert found.half_width == pytest.approx(1.959963984540054 * math.sqrt(variance))


def test_cross_validated_interval_takes_the_spread_of_fold_means() -> None:
    correct = np.array([[1, 1, 0, 1], [1, 0, 0, 1]])
    folds = np.array([[0, 0, 1, 1], [0, 1, 0, 1]])
    s_img, s_fold = np.std([1, 0.5, 0, 1], ddof=1), np.std([1, 0.5, 0.5, 0.5], ddof=1)
    assert interval(correct, of_equal_weight(4), folds).half_width == pytest.approx(
        1.959963984540054 * math.sqrt(s_img**2 / 4 + s_fold**2 / 4)
    )


@pytest.mark.parametrize(("estimate", "excludes"), [(1.0, False), (-1.0, False), (1.5, True), (-1.5, True)])
def test_an_interval_excludes_zero_where_the_estimate_is_beyond_its_half_width(estimate: float, excludes: bool) -> None:
    assert Interval(estimate, 1.2).excludes_zero is excludes


@pytest.mark.parametrize(("R", "n"), [(5, 400), (10, 100), (10, 1000)])
def test_nominal_95_percent_intervals_cover_over_draws_and_images(R: int, n: int) -> None:
    world, covered = World(R, R, n), []
    for _ in range(600):
        world.new_study()
        found = interval(world.head(), world.images)
        covered.append(abs(found.estimate - 0.7) <= found.half_width)
    assert 0.93 <= np.mean(covered) <= 0.995


def test_nominal_95_percent_intervals_cover_where_images_come_in_groups() -> None:
    rng, covered = np.random.default_rng(1), []
    groups = np.repeat(np.arange(20), 8)
    for _ in range(600):
        p = 0.7 + 0.2 * rng.uniform(-1, 1, 20)[groups] + 0.03 * rng.uniform(-1, 1, (10, 1))
        found = interval((rng.random((10, 160)) < p).astype(float), of_equal_weight(160, groups))
        covered.append(abs(found.estimate - 0.7) <= found.half_width)
    assert 0.93 <= np.mean(covered) <= 0.995


def test_the_best_set_keeps_equal_heads_and_drops_a_clearly_worse_one() -> None:
    world = World(0)
    world.new_study()
    correct = {"one": world.head(), "other": world.head(), "worse": world.head(0.55)}
    assert best_set(correct, world.images) == {"one", "other"}


def test_a_worse_head_is_dropped_whatever_its_place() -> None:
    world = World(0)
    world.new_study()
    correct = {"worse": world.head(0.55), "good": world.head()}
    assert best_set(correct, world.images) == {"good"}


@pytest.mark.parametrize("heads", [[], ["one"]])
def test_the_best_of_at_most_one_head_is_that_head(heads: list[str]) -> None:
    assert best_set({head: np.zeros((2, 3)) for head in heads}, of_equal_weight(3)) == set(heads)


def test_the_best_set_is_not_fooled_by_many_equal_heads() -> None:
    world, wrongly_beaten = World(4), []
    for _ in range(150):
        world.new_study()
        correct = {str(i): world.head() for i in range(8)}
        wrongly_beaten.append(len(best_set(correct, world.images)) < 8)
    assert np.mean(wrongly_beaten) < 0.07


@pytest.fixture(scope="module")
def ten_against_one() -> tuple[list[Interval], list[float]]:
    """Of studies where all heads are equal: champion against champion, and best of ten against the one."""
    crossed, best_of_ten = [], []
    for study in range(300):
        world = World(study)
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
    world = World(0)
    world.new_study()
    weak, strong, one = world.head(0.5), world.head(0.8), world.head(0.7)
    found = champion_difference([weak, strong], [one], world.images, world.ids)
    assert found == interval(strong - one, world.images)
    assert found.excludes_zero


def test_families_of_one_head_each_are_compared_head_against_head_with_one_repeat() -> None:
    world = World(0, R=1)
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
