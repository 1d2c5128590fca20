from __future__ import annotations

import dataclasses
import hashlib
from itertools import pairwise

import numpy as np
import pytest

from embedkit.datasets.dataset import Dataset
from embedkit.datasets.vectors import from_arrays
from embedkit.errors import EmbedkitError, NotApplicable
from embedkit.sampling import Budget, Evaluation, check_budget, draw, ids_sha256, parse_budget, plan_evaluation


def toy(
    labels: list[str],
    groups: list[str] | None = None,
    splits: list[str] | None = None,
    ids: list[str] | None = None,
) -> Dataset:
    dataset = from_arrays(np.arange(len(labels))[:, None], labels, groups, splits, "toy")
    return dataclasses.replace(dataset, ids=tuple(ids)) if ids else dataset


def classes_of(n: int, classes: str = "abc") -> list[str]:
    return [classes[i % len(classes)] for i in range(n)]


def with_test_split(n: int, n_test: int) -> Evaluation:
    return plan_evaluation(toy(classes_of(n + n_test), splits=["train"] * n + ["test"] * n_test))


def ids_of(evaluation: Evaluation, indices: np.ndarray) -> set[str]:
    return {evaluation.ids[i] for i in indices}


@pytest.mark.parametrize(
    ("text", "budget"),
    [
        (5, Budget(5, "per class")),
        ("5", Budget(5, "per class")),
        (" 10 ", Budget(10, "per class")),
        ("200 total", Budget(200, "total")),
        ("200total", Budget(200, "total")),
        ("1%", Budget(1.0, "%")),
        ("0.5 %", Budget(0.5, "%")),
        ("100%", Budget(100.0, "%")),
        ("all", Budget(0, "all")),
    ],
)
def test_budgets_are_read(text: str | int, budget: Budget) -> None:
    assert parse_budget(text) == budget


@pytest.mark.parametrize(
    "text", ["0", "-1", "101%", "0%", "-5%", "nan%", "inf%", "x", "", "1.5", "1.5 total", "0 total", "total", "%"]
)
def test_other_budgets_are_refused(text: str) -> None:
    with pytest.raises(EmbedkitError) as caught:
        parse_budget(text)
    assert str(caught.value) == (
        f"budget {text!r} cannot be read; budgets are labels per class (5), '200 total', '1%' or 'all'"
    )


@pytest.mark.parametrize("text", ["5", "1234567", "1234567 total", "1%", "0.123456789%", "all"])
def test_a_budget_is_shown_as_it_was_written(text: str) -> None:
    assert str(parse_budget(text)) == text


def test_per_class_draws_hold_so_many_of_every_class() -> None:
    evaluation = with_test_split(90, 9)
    chosen = draw(evaluation, Budget(7, "per class"), 0, None)
    assert np.bincount(evaluation.labels[chosen]).tolist() == [7, 7, 7]
    assert set(chosen) <= set(evaluation.candidates)


@pytest.mark.parametrize("unit", ["per class", "total", "%"])
def test_draws_nest_over_budgets(unit: str) -> None:
    evaluation = with_test_split(300, 9)
    drawn = [set(draw(evaluation, Budget(amount, unit), 3, None)) for amount in (5, 6, 12, 40, 80)]
    for small, large in pairwise(drawn):
        assert small < large


def test_draws_nest_within_a_training_fold() -> None:
    evaluation = plan_evaluation(toy(classes_of(60)))
    small, large = (set(draw(evaluation, Budget(k, "per class"), 2, 4)) for k in (3, 9))
    assert small < large <= set(evaluation.split(2, 4)[0])


def test_all_means_every_candidate() -> None:
    evaluation = with_test_split(30, 9)
    assert sorted(draw(evaluation, Budget(0, "all"), 0, None)) == list(range(30))


@pytest.mark.parametrize(("percent", "n"), [(1, 30), (0.05, 2), (1.1, 33), (33.3333, 1000), (100, 3000)])
def test_percent_draws_round_up_to_whole_labels(percent: float, n: int) -> None:
    assert len(draw(with_test_split(3000, 3), Budget(percent, "%"), 0, None)) == n


def test_total_draws_have_natural_frequencies() -> None:
    labels = ["rare"] * 100 + ["common"] * 900
    evaluation = plan_evaluation(toy([*labels, "rare", "common"], splits=["train"] * 1000 + ["test"] * 2))
    rare = evaluation.classes.index("rare")
    drawn = [draw(evaluation, Budget(200, "total"), repeat, None) for repeat in range(100)]
    counts = [np.count_nonzero(evaluation.labels[chosen] == rare) for chosen in drawn]
    assert {len(chosen) for chosen in drawn} == {200}
    assert np.mean(counts) == pytest.approx(20, abs=1.2)  # hypergeometric: sd 3.8, its mean's .38
    assert np.std(counts) == pytest.approx(3.8, abs=0.9)


def test_a_capped_draw_takes_all_of_a_small_class() -> None:
    labels = ["a"] * 20 + ["b"] * 4
    evaluation = plan_evaluation(toy([*labels, "a", "b"], splits=["train"] * 24 + ["test"] * 2))
    chosen = draw(evaluation, Budget(10, "per class"), 0, None)
    assert np.bincount(evaluation.labels[chosen]).tolist() == [10, 4]
    assert set(range(20, 24)) <= set(chosen)


def test_a_draw_of_a_single_class_is_not_applicable() -> None:
    with pytest.raises(NotApplicable, match="the draw of 1 label holds a single class"):
        draw(with_test_split(30, 9), Budget(1, "total"), 0, None)


def test_the_same_draw_again_is_the_same() -> None:
    first, second = (draw(with_test_split(90, 9), Budget(5, "per class"), 4, None) for _ in range(2))
    assert first.tolist() == second.tolist()


def test_repeats_draw_independently() -> None:
    evaluation = with_test_split(300, 9)
    drawn = [set(draw(evaluation, Budget(50, "per class"), repeat, None)) for repeat in range(20)]
    shared = [len(one & other) for i, one in enumerate(drawn) for other in drawn[:i]]
    assert np.mean(shared) == pytest.approx(75, abs=1.5)  # half of 150 by chance


def test_repeats_are_no_powers_of_one_permutation() -> None:
    evaluation = with_test_split(60, 3)
    orders = [draw(evaluation, Budget(0, "all"), repeat, None) for repeat in range(4)]
    steps = [np.argsort(one)[other] for one, other in pairwise(orders)]
    assert not np.array_equal(steps[0], steps[1])
    assert not np.array_equal(steps[1], steps[2])
    assert not np.array_equal(orders[0][orders[0]], orders[1])


def test_another_recipe_draws_otherwise() -> None:
    dataset = toy(classes_of(99), splits=["train"] * 90 + ["test"] * 9)
    drawn = [
        draw(plan_evaluation(dataclasses.replace(dataset, recipe=recipe)), Budget(10, "per class"), 0, None).tolist()
        for recipe in ("one", "other")
    ]
    assert drawn[0] != drawn[1]


@pytest.mark.parametrize("n", [90, 1200])
def test_reordered_files_are_split_and_drawn_alike(n: int) -> None:
    dataset = toy(classes_of(n), groups=[str(i // 2) for i in range(n)])
    order = np.random.default_rng(0).permutation(n)
    other = dataclasses.replace(
        dataset,
        ids=tuple(dataset.ids[i] for i in order),
        labels=dataset.labels[order],
        groups=(1000 - dataset.groups)[order],
        splits=dataset.splits[order],
    )
    for fold in plan_evaluation(dataset).folds:
        told = [
            (
                ids_of(evaluation, evaluation.split(1, fold)[1]),
                ids_sha256(evaluation, draw(evaluation, Budget(5, "per class"), 1, fold)),
            )
            for evaluation in (plan_evaluation(dataset), plan_evaluation(other))
        ]
        assert told[0] == told[1]


def test_an_added_file_displaces_at_most_one_of_its_own_class() -> None:
    before = with_test_split(90, 9)
    labels = [*classes_of(99), "a"]
    after = plan_evaluation(toy(labels, splits=["train"] * 90 + ["test"] * 9 + ["train"]))
    entered = 0
    for repeat in range(40):
        old, new = (set(draw(evaluation, Budget(10, "per class"), repeat, None)) for evaluation in (before, after))
        assert old == new or (new - old == {99} and [labels[i] for i in old - new] == ["a"])
        entered += 99 in new
    assert 6 <= entered <= 20  # by chance 40 * 10 / 31 = 13


@pytest.mark.parametrize(("n", "kind"), [(1200, "fixed"), (300, "cv")])
def test_an_added_file_leaves_nearly_all_others_on_their_side_of_the_split(n: int, kind: str) -> None:
    before, after = plan_evaluation(toy(classes_of(n))), plan_evaluation(toy(classes_of(n + 1)))
    assert before.kind == after.kind == kind
    for fold in before.folds:
        old, new = set(before.split(0, fold)[1]), set(after.split(0, fold)[1])
        assert len(old ^ new) <= 6


def test_a_known_draw_is_pinned() -> None:
    evaluation = with_test_split(90, 9)
    chosen = draw(evaluation, Budget(2, "per class"), 3, None)
    assert chosen.tolist() == [84, 42, 28, 16, 74, 17]
    assert ids_sha256(evaluation, chosen) == "c994b4d0036fe0779a2c6836baa12283d1d304259327ebedbdd8c6e77d91dd31"


def test_the_fingerprint_of_a_draw_is_the_sha256_of_ids_and_class_names() -> None:
    evaluation = with_test_split(6, 3)
    assert ids_sha256(evaluation, np.array([4, 0])) == (hashlib.sha256(b"0000004\0b\n0000000\0a").hexdigest())


def test_folds_are_pinned() -> None:
    evaluation = plan_evaluation(toy(classes_of(15)))
    tested = [evaluation.split(0, fold)[1].tolist() for fold in evaluation.folds]
    assert tested == [[0, 5, 7], [4, 6, 11], [3, 10, 14], [2, 12, 13], [1, 8, 9]]


@pytest.mark.parametrize("sizes", [(40, 40, 40), (41, 7, 2), (13, 99, 3), (5, 5, 6)])
def test_folds_hold_equally_many_of_every_class_within_one(sizes: tuple[int, ...]) -> None:
    labels = [name for name, size in zip("abc", sizes, strict=True) for _ in range(size)]
    evaluation = plan_evaluation(toy(labels))
    assert evaluation.kind == "cv"
    tested = [evaluation.split(1, fold)[1] for fold in evaluation.folds]
    assert sorted(np.concatenate(tested)) == list(range(len(labels)))
    counts = np.array([np.bincount(evaluation.labels[part], minlength=3) for part in tested])
    assert np.ptp(counts, axis=0).max() <= 1
    assert np.ptp(counts.sum(axis=1)) <= 1


def test_every_repeat_divides_anew() -> None:
    evaluation = plan_evaluation(toy(classes_of(60)))
    parts = {tuple(evaluation.split(repeat, 0)[1]) for repeat in range(10)}
    assert len(parts) == 10


@pytest.mark.parametrize("n", [100, 1500])
def test_groups_never_cross_folds_or_the_hold_out(n: int) -> None:
    rng = np.random.default_rng(0)
    groups = [str(group) for group in rng.integers(0, n // 4, n)]
    evaluation = plan_evaluation(toy([str(i) for i in rng.integers(0, 3, n)], groups))
    for fold in evaluation.folds:
        train, test = evaluation.split(0, fold)
        assert not set(evaluation.groups[train]) & set(evaluation.groups[test])
        assert len(test) == pytest.approx(n / 5, rel=0.2)


@pytest.mark.parametrize("n", [30, 1200])
def test_an_unlabelled_image_of_a_tested_group_is_not_in_the_pool(n: int) -> None:
    labels = [*classes_of(n), *[""] * n]
    evaluation = plan_evaluation(toy(labels, groups=[str(i % n) for i in range(2 * n)]))
    assert not set(evaluation.groups[evaluation.pool]) & set(evaluation.groups[evaluation.tested])


@pytest.mark.parametrize(("n", "kind"), [(999, "cv"), (1000, "fixed")])
def test_hold_out_from_a_thousand_labelled_images_on(n: int, kind: str) -> None:
    assert plan_evaluation(toy(classes_of(n) + [""] * 500)).kind == kind


def test_the_hold_out_is_a_stratified_fifth() -> None:
    labels = ["a"] * 700 + ["b"] * 300 + ["c"] * 200
    evaluation = plan_evaluation(toy(labels))
    assert np.bincount(evaluation.labels[evaluation.test]).tolist() == [140, 60, 40]
    assert sorted([*evaluation.candidates, *evaluation.test]) == list(range(1200))
    assert evaluation.tested.tolist() == evaluation.test.tolist()


def test_a_test_split_is_tested_on_however_few_the_images() -> None:
    evaluation = with_test_split(12, 6)
    assert evaluation.kind == "fixed"
    assert evaluation.candidates.tolist() == list(range(12))
    assert evaluation.test.tolist() == list(range(12, 18))


def test_cross_validation_leaves_a_test_split_aside_and_says_so() -> None:
    dataset = toy(classes_of(36), splits=["train"] * 30 + ["test"] * 6)
    evaluation = plan_evaluation(dataset, "cv")
    assert evaluation.tested.tolist() == list(range(30))
    assert evaluation.notices == ("evaluation = cv: the 6 images of the test split are left aside",)


@pytest.mark.parametrize("n", [30, 1200])
def test_unlabelled_images_are_pool_and_never_tested(n: int) -> None:
    evaluation = plan_evaluation(toy(classes_of(n) + [""] * 7))
    unlabelled = set(range(n, n + 7))
    assert unlabelled <= set(evaluation.pool)
    assert not unlabelled & {*evaluation.candidates, *evaluation.tested}
    assert not set(evaluation.pool) & set(evaluation.tested)


def test_with_a_test_split_the_pool_is_everything_outside_it() -> None:
    labels = [*classes_of(12), "", "", "a", "b", ""]
    evaluation = plan_evaluation(toy(labels, splits=["train"] * 14 + ["test"] * 3))
    assert evaluation.pool.tolist() == list(range(14))
    assert evaluation.test.tolist() == [14, 15]


def test_classes_of_one_image_are_left_out_with_a_notice() -> None:
    evaluation = plan_evaluation(toy([*classes_of(30), "lone", "single"]))
    assert evaluation.notices == ("2 classes have fewer than 2 training images and are left out: lone, single",)
    assert evaluation.labels[30:].tolist() == [-1, -1]
    assert evaluation.tested.tolist() == list(range(30))


def test_min_class_size_counts_training_images_only() -> None:
    labels = [*classes_of(12, "ab"), "c", *["c"] * 5, "a", "b"]
    evaluation = plan_evaluation(toy(labels, splits=["train"] * 13 + ["test"] * 7))
    assert evaluation.test.tolist() == [18, 19]
    assert "fewer than 2 training images and is left out: c" in evaluation.notices[0]


def test_a_class_whose_images_are_one_group_cannot_be_divided_and_is_left_out() -> None:
    labels = [*classes_of(20, "ab"), "twins", "twins"]
    groups = [*map(str, range(20)), "same", "same"]
    divided = plan_evaluation(toy(labels, groups))
    assert divided.notices == ("1 class has fewer than 2 training images and is left out: twins",)
    assert check_budget(divided, "toy", Budget(5, "per class"), 3) == ""
    given = plan_evaluation(toy([*labels, "twins"], [*groups, "other"], ["train"] * 22 + ["test"]))
    assert given.notices == ()


def test_fewer_than_two_classes_are_refused() -> None:
    with pytest.raises(EmbedkitError) as caught:
        plan_evaluation(toy(["cat"] * 9 + ["dog"] * 2), min_class_size=5)
    assert str(caught.value) == (
        "toy: fewer than two classes have 5 labelled training images (cat: 9, dog: 2); label more images"
    )


def test_fewer_images_than_folds_are_refused() -> None:
    with pytest.raises(EmbedkitError, match="toy: 4 labelled images or groups are too few for 5-fold cross-validation"):
        plan_evaluation(toy(["a", "a", "b", "b"]))


def test_a_test_split_without_labels_is_refused() -> None:
    with pytest.raises(EmbedkitError, match="toy: no test image has a label; label some, or use --evaluation cv"):
        plan_evaluation(toy([*classes_of(12), ""], splits=["train"] * 12 + ["test"]))


def test_nothing_labelled_is_told_with_the_two_ways_to_label() -> None:
    with pytest.raises(EmbedkitError) as told:
        plan_evaluation(toy(["", "", ""]))
    assert str(told.value) == (
        "toy: none of its 3 vectors has a label; "
        "label some (images: in one folder per class, or by --labels labels.csv with the columns path,label)"
    )


def test_one_class_is_told() -> None:
    with pytest.raises(EmbedkitError) as told:
        plan_evaluation(toy(["a", "a", ""]))
    assert str(told.value) == "toy: all labelled images are of one class, 'a'; telling classes apart takes two"


def test_a_budget_that_a_class_cannot_fill_names_class_count_and_remedies() -> None:
    labels = ["one"] * 30 + ["seven"] * 12
    evaluation = plan_evaluation(toy([*labels, "one", "seven"], splits=["train"] * 42 + ["test"] * 2))
    assert check_budget(evaluation, "digits", Budget(12, "per class"), 10) == ""
    assert check_budget(evaluation, "digits", Budget(20, "per class"), 10) == (
        "budget 20: class 'seven' of digits has 12 training images; use at most 12, \"all\", or --draw capped"
    )


def test_in_cross_validation_the_smallest_training_fold_counts() -> None:
    evaluation = plan_evaluation(toy(["one"] * 30 + ["seven"] * 12))
    assert check_budget(evaluation, "digits", Budget(9, "per class"), 3) == ""
    assert check_budget(evaluation, "digits", Budget(10, "per class"), 3) == (
        "budget 10: class 'seven' of digits has 9 training images in some training fold; "
        'use at most 9, "all", or --draw capped'
    )


def test_a_total_budget_above_the_labelled_images_is_refused() -> None:
    evaluation = with_test_split(30, 9)
    assert check_budget(evaluation, "toy", Budget(30, "total"), 10) == ""
    assert check_budget(evaluation, "toy", Budget(31, "total"), 10) == (
        'budget 31 total: toy has 30 labelled training images; use at most 30, or "all"'
    )


@pytest.mark.parametrize("budget", [Budget(0, "all"), Budget(100, "%")])
def test_budgets_that_depend_on_the_data_always_fit(budget: Budget) -> None:
    assert check_budget(with_test_split(30, 9), "toy", budget, 10) == ""


def with_targets(n: int, splits: list[str] | None = None, unlabelled: int = 0) -> Dataset:
    return toy([f"{i}.5" for i in range(n)] + [""] * unlabelled, splits=splits)


@pytest.mark.parametrize(("n", "kind"), [(999, "cv"), (1000, "fixed")])
def test_images_with_targets_are_held_out_from_a_thousand_on(n: int, kind: str) -> None:
    evaluation = plan_evaluation(with_targets(n, unlabelled=50))
    assert (evaluation.kind, evaluation.task) == (kind, "regression")
    assert set(range(n, n + 50)) <= set(evaluation.pool)
    assert len(evaluation.test) == (200 if kind == "fixed" else 0)
    assert evaluation.truth[:2].tolist() == [0.5, 1.5]


def test_folds_of_images_with_targets_are_equal_and_test_each_once() -> None:
    evaluation = plan_evaluation(with_targets(101))
    tested = [evaluation.split(2, fold)[1] for fold in evaluation.folds]
    assert sorted(np.concatenate(tested)) == list(range(101))
    assert sorted(map(len, tested)) == [20, 20, 20, 20, 21]


def test_a_whole_number_draws_so_many_targets_in_all_and_draws_nest() -> None:
    evaluation = plan_evaluation(with_targets(90, splits=["train"] * 80 + ["test"] * 10))
    drawn = [draw(evaluation, parse_budget(text), 1, None).tolist() for text in ("10", "20 total", "50%", "all")]
    assert [len(chosen) for chosen in drawn] == [10, 20, 40, 80]
    for small, large in pairwise(drawn):
        assert large[: len(small)] == small


def test_a_single_target_can_be_drawn() -> None:
    assert len(draw(plan_evaluation(with_targets(30)), Budget(1, "per class"), 0, 0)) == 1


def test_targets_are_few_only_where_folds_cannot_be_made() -> None:
    assert plan_evaluation(with_targets(5), min_class_size=9).notices == ()
    with pytest.raises(EmbedkitError, match="toy: 4 labelled images or groups are too few for 5-fold"):
        plan_evaluation(with_targets(4))


def test_a_budget_above_the_images_with_a_target_names_count_and_remedy() -> None:
    fixed = plan_evaluation(with_targets(90, splits=["train"] * 80 + ["test"] * 10))
    assert check_budget(fixed, "ages", Budget(80, "per class"), 10) == ""
    assert check_budget(fixed, "ages", Budget(81, "per class"), 10) == (
        'budget 81: ages has 80 training images with a target; use at most 80, or "all"'
    )
    divided = plan_evaluation(with_targets(52))
    assert check_budget(divided, "ages", Budget(41, "per class"), 3) == ""
    assert check_budget(divided, "ages", Budget(42, "per class"), 3) == (
        'budget 42: ages has 41 training images with a target in some training fold; use at most 41, or "all"'
    )


def test_the_fingerprint_of_a_draw_of_targets_is_the_sha256_of_ids_and_targets() -> None:
    evaluation = plan_evaluation(with_targets(6))
    assert ids_sha256(evaluation, np.array([4, 0])) == hashlib.sha256(b"0000004\x004.5\n0000000\x000.5").hexdigest()
