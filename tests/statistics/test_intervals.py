from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import balanced_accuracy_score
from worlds import SmallWorld, of_equal_weight

from embedkit.statistics import Images, Interval, Spread, images_for, interval, spread

Z = 1.959963984540054


def of_numbers(n: int) -> Images:
    return images_for("mae", np.zeros(n), np.arange(n))


def plus_four(variance: float, of_single: float, n: int) -> float:
    """The variance of a mean of n with two images more of either outcome; `of_single`: p (1 - p) of the mean."""
    share = min(1, (variance * n**2 + 0.25) / (n * of_single + 0.25))
    return max(variance, (variance * n**2 + 2 * share) / (n + 4) ** 2)


def test_interval_of_errors_is_the_formula_by_hand() -> None:
    found = interval(-np.array([[0.5, 2.0, 4.5], [1.5, 1.0, 3.5]]), of_numbers(3))
    s_rep, s_img = np.std([7 / 3, 6 / 3], ddof=1), np.std([1, 1.5, 4], ddof=1)
    s_res2 = 2 * np.sum(np.square([-2 / 3, 1 / 3, 1 / 3])) / 2
    assert found.estimate == pytest.approx(-13 / 6)
    assert found.half_width == pytest.approx(
        math.sqrt((12.706204736432095 * s_rep) ** 2 / 2 + Z**2 * (s_img**2 - s_res2 / 2) / 3)
    )


def test_interval_of_right_and_wrong_is_the_formula_by_hand() -> None:
    correct = np.array([[1, 1, 0, 1], [1, 0, 0, 1], [1, 1, 0, 1]])
    found = interval(correct, of_equal_weight(4))
    s_rep2 = np.var([3 / 4, 2 / 4, 3 / 4], ddof=1)
    of_images = plus_four(np.var([1, 2 / 3, 0, 1], ddof=1) / 4, 8 / 12 * 4 / 12, 4)
    s_res2 = 1 / 12  # of residuals (-1, 3, -1, -1) / 12, twice, and (2, -6, 2, 2) / 12
    assert found.estimate == pytest.approx(8 / 12)
    assert found.half_width == pytest.approx(
        math.sqrt(4.302652729911275**2 * s_rep2 / 3 + Z**2 * (of_images - s_res2 / 12))
    )


def test_intervals_of_skewed_errors_cover_over_draws_and_images() -> None:
    rng, covered = np.random.default_rng(3), []
    for _ in range(600):
        error = rng.gamma(1.0, 5.0, 300) * rng.uniform(0.8, 1.2, (10, 1)) * rng.uniform(0.5, 1.5, (10, 300))
        found = interval(-error, of_numbers(300))
        covered.append(abs(found.estimate + 5) <= found.half_width)
    assert 0.93 <= np.mean(covered) <= 0.99


def test_one_repeat_has_the_images_part_alone() -> None:
    found = interval(np.array([[1, 1, 0, 1]]), of_equal_weight(4))
    assert found.half_width == pytest.approx(Z * math.sqrt(plus_four(0.25 / 4, 3 / 16, 4)))


def test_of_many_images_the_four_added_ones_are_not_seen() -> None:
    correct = (np.arange(10_000) % 10 > 0)[None]
    assert interval(correct, of_equal_weight(10_000)).half_width == pytest.approx(Z * 0.3 / 100, rel=1e-3)


def test_confidence_sets_both_quantiles() -> None:
    found = spread(-np.array([[0.5, 2.0, 4.5], [1.5, 1.0, 3.5]]), of_numbers(3))
    assert found.interval(0.8).half_width == pytest.approx(
        math.hypot(stats.t.ppf(0.9, 1) * math.sqrt(found.of_draws), stats.norm.ppf(0.9) * math.sqrt(found.of_images))
    )


def test_groups_are_summed_by_hand() -> None:
    images = images_for("mae", np.zeros(6), np.array([0, 0, 1, 1, 2, 2]))
    sums = 2 * (np.array([1, 0, 1]) - 4 / 6)
    found = interval(np.array([[1, 1, 0, 0, 1, 1]]), images)
    assert found.half_width == pytest.approx(Z * math.sqrt(3 / 2 * np.sum(sums**2) / 6**2))


def test_groups_of_images_that_are_alike_widen_the_interval() -> None:
    correct = np.tile(np.repeat(np.random.default_rng(0).integers(0, 2, 50), 4), (5, 1))
    alone = interval(correct, of_equal_weight(200))
    grouped = interval(correct, of_equal_weight(200, np.arange(200) // 4))
    assert grouped.estimate == alone.estimate
    assert grouped.half_width > 1.9 * alone.half_width


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
    assert found.half_width == pytest.approx(Z * math.sqrt(variance))


def test_balanced_accuracy_takes_the_noise_within_classes_off() -> None:
    rng, truth = np.random.default_rng(0), np.repeat([0, 1], [200, 100])
    images = images_for("balanced_accuracy", truth, np.arange(300))
    noise = [spread((rng.random((5, 300)) < 0.7).astype(int), images).of_images for _ in range(40)]
    whole = 0.7 * 0.3 / 4 * (1 / 200 + 1 / 100) / 5
    assert np.mean(noise) < 0.3 * whole


def test_cross_validated_interval_takes_the_spread_of_fold_means() -> None:
    correct = np.array([[1, 1, 0, 1], [1, 0, 0, 1]])
    folds = np.array([[0, 0, 1, 1], [0, 1, 0, 1]])
    s_img, s_fold = np.std([1, 0.5, 0, 1], ddof=1), np.std([1, 0.5, 0.5, 0.5], ddof=1)
    assert interval(-correct, of_numbers(4), folds).half_width == pytest.approx(
        Z * math.sqrt(s_img**2 / 4 + s_fold**2 / 4)
    )


@pytest.mark.parametrize(("estimate", "excludes"), [(1.0, False), (-1.0, False), (1.5, True), (-1.5, True)])
def test_an_interval_excludes_zero_where_the_estimate_is_beyond_its_half_width(estimate: float, excludes: bool) -> None:
    assert Interval(estimate, 1.2).excludes_zero is excludes


@pytest.mark.parametrize(("R", "n"), [(5, 400), (10, 100), (10, 1000)])
def test_nominal_95_percent_intervals_cover_over_draws_and_images(R: int, n: int) -> None:
    world, covered = SmallWorld(R, R, n), []
    for _ in range(600):
        world.new_study()
        found = interval(world.head(), world.images)
        covered.append(abs(found.estimate - 0.7) <= found.half_width)
    assert 0.93 <= np.mean(covered) <= 0.99


def test_nominal_95_percent_intervals_cover_where_images_come_in_groups() -> None:
    rng, covered = np.random.default_rng(1), []
    groups = np.repeat(np.arange(20), 8)
    for _ in range(600):
        p = 0.7 + 0.2 * rng.uniform(-1, 1, 20)[groups] + 0.03 * rng.uniform(-1, 1, (10, 1))
        found = interval((rng.random((10, 160)) < p).astype(float), of_equal_weight(160, groups))
        covered.append(abs(found.estimate - 0.7) <= found.half_width)
    assert 0.93 <= np.mean(covered) <= 0.99


@pytest.mark.parametrize("right", [0, 1])
@pytest.mark.parametrize("R", [1, 5])
def test_an_interval_has_a_width_where_all_images_agree(right: int, R: int) -> None:
    found = interval(np.full((R, 60), right), of_equal_weight(60))
    assert found.estimate == right
    assert found.half_width == pytest.approx(Z * math.sqrt(2) / 64)


def test_an_interval_has_a_width_in_balanced_accuracy_where_all_images_agree() -> None:
    truth = np.repeat([0, 1], [90, 10])
    images = images_for("balanced_accuracy", truth, np.arange(100))
    added = 2 * (0.9 * (100 / 180) ** 2 + 0.1 * (100 / 20) ** 2)
    assert interval(np.ones((1, 100)), images).half_width == pytest.approx(Z * math.sqrt(added) / 104)


@pytest.mark.parametrize("p", [0.8, 0.9, 0.95, 0.98, 0.995])
def test_intervals_of_one_repeat_cover_scores_near_1(p: float) -> None:
    rng, images = np.random.default_rng(0), of_equal_weight(60)
    found = [interval(rng.random((1, 60)) < p, images) for _ in range(1000)]
    assert np.mean([abs(of.estimate - p) <= of.half_width for of in found]) >= 0.92


@pytest.mark.parametrize("apart", [0.01, 0.03, 0.1])
def test_intervals_of_one_repeat_cover_differences_of_heads_that_hardly_differ(apart: float) -> None:
    rng, images = np.random.default_rng(0), of_equal_weight(60)
    found = [interval((rng.random((1, 60)) < apart).astype(float), images) for _ in range(1000)]
    assert np.mean([abs(of.estimate - apart) <= of.half_width for of in found]) >= 0.93


def test_a_new_pool_adds_its_share_to_the_variance_of_draws() -> None:
    rng = np.random.default_rng(0)
    correct, images = (rng.random((10, 50)) < rng.random((10, 1))).astype(int), of_equal_weight(50)
    here, anywhere = spread(correct, images), spread(correct, images, pool_share=0.38)
    assert anywhere.of_draws == pytest.approx(here.of_draws * (1 / 10 + 0.38 / 0.62) / (1 / 10))
    assert (anywhere.estimate, anywhere.of_images, anywhere.df) == (here.estimate, here.of_images, here.df)
    assert interval(correct, images, pool_share=0.38) == anywhere.interval()


@pytest.mark.parametrize(("R", "pool_share"), [(2, 1.0), (1, 0.1)])
def test_all_of_a_pool_or_one_draw_say_nothing_of_new_pools(R: int, pool_share: float) -> None:
    assert interval(np.eye(4)[:R], of_equal_weight(4), pool_share=pool_share) == Interval(0.25, math.inf)


def test_a_head_against_itself_differs_by_0_with_p_1() -> None:
    world = SmallWorld(0)
    world.new_study()
    head = world.head()
    found = spread(head - head, world.images)
    assert found.estimate == 0
    assert found.p_value == 1
    assert found.interval().half_width > 0


@pytest.mark.parametrize("df", [4, math.inf])
def test_at_the_confidence_of_its_p_value_an_interval_just_excludes_zero(df: float) -> None:
    found = Spread(0.05, 0.0003, 0.0002, df)
    assert found.interval(1 - found.p_value).half_width == pytest.approx(0.05, rel=1e-6)


def test_p_values_without_draws_are_those_of_a_normal_test() -> None:
    assert Spread(-0.05, 0.0, 0.0004, math.inf).p_value == pytest.approx(2 * stats.norm.sf(2.5), rel=1e-6)


def test_p_values_without_images_are_those_of_a_t_test() -> None:
    rows = np.random.default_rng(0).normal(0.3, 1, 6)
    found = Spread(float(rows.mean()), float(rows.var(ddof=1) / 6), 0.0, 5)
    assert found.p_value == pytest.approx(stats.ttest_1samp(rows, 0).pvalue, rel=1e-6)


def test_errors_that_differ_by_the_same_everywhere_have_the_least_p_value() -> None:
    assert spread(np.ones((3, 4)), of_numbers(4)).p_value < 1e-14
