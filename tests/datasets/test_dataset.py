"""Columns of text become labels, groups and splits; copies become one group; what a trial depends on has one hash."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from embedkit.datasets.dataset import Dataset, from_columns, merge_duplicates, subset
from embedkit.errors import EmbedkitError


def unlabelled(n: int) -> Dataset:
    blank = np.zeros(n, dtype=np.int64)
    return Dataset(
        name="photos",
        recipe="folder",
        ids=tuple(f"{i}.png" for i in range(n)),
        labels=blank,
        classes=(),
        splits=blank.astype("<U5"),
        groups=blank,
        content="c0ffee",
        image=lambda i: np.full((2, 2, 3), i, dtype=np.uint8),
        vectors=np.arange(2 * n, dtype=np.float32).reshape(n, 2),
    )


def columns(labels: str, groups: list[str] | None = None, splits: list[str] | None = None) -> Dataset:
    """One image per character: its class, or ``.`` for no label."""
    return from_columns(unlabelled(len(labels)), [c.strip(".") for c in labels], groups, splits)


def test_classes_are_sorted_and_an_empty_label_is_minus_one() -> None:
    dataset = columns("ba.c")
    assert dataset.classes == ("a", "b", "c")
    np.testing.assert_array_equal(dataset.labels, [1, 0, -1, 2])
    assert len(dataset) == 4


def test_without_groups_and_splits_every_image_stands_alone() -> None:
    dataset = columns("ab.")
    np.testing.assert_array_equal(dataset.groups, [0, 1, 2])
    np.testing.assert_array_equal(dataset.splits, ["", "", ""])


def test_an_empty_group_is_a_group_of_one() -> None:
    dataset = columns("abab", groups=["g", "", "g", ""])
    np.testing.assert_array_equal(dataset.groups, [0, 1, 0, 2])


@pytest.mark.parametrize(
    ("written", "split"),
    [
        ("", ""),
        ("train", "train"),
        ("Train", "train"),
        ("validation", "train"),
        ("val", "train"),
        ("valid", "train"),
        ("test", "test"),
        ("TEST", "test"),
    ],
)
def test_a_split_is_train_test_or_nothing_and_validation_joins_train(written: str, split: str) -> None:
    assert columns("ab", splits=[written, "train"]).splits[0] == split


def test_an_unknown_split_is_told() -> None:
    with pytest.raises(EmbedkitError) as told:
        columns("ab", splits=["train", "holdout"])
    assert str(told.value) == ("photos: unknown split 'holdout'; splits are train, validation (joins train) and test")


def test_images_need_no_labels() -> None:
    dataset = columns("...")
    assert (dataset.labels.tolist(), dataset.classes, dataset.notices) == ([-1, -1, -1], (), ())


def test_one_class_is_enough() -> None:
    dataset = columns("aa.")
    assert (dataset.labels.tolist(), dataset.classes) == ([0, 0, -1], ("a",))


def test_a_group_on_both_sides_of_the_test_split_is_refused() -> None:
    with pytest.raises(EmbedkitError) as told:
        columns("abab", groups=["g", "h", "g", "h"], splits=["train", "", "test", "test"])
    assert str(told.value) == (
        "photos: 2 groups have images both in test and outside it (g, h); keep each group on one side"
    )


def test_a_group_in_train_and_validation_is_on_one_side() -> None:
    dataset = columns("abab", groups=["g", "h", "g", "h"], splits=["train", "test", "validation", "test"])
    np.testing.assert_array_equal(dataset.groups, [0, 1, 0, 1])


def test_without_copies_the_data_set_is_left_as_it_is() -> None:
    dataset = columns("ab")
    assert merge_duplicates(dataset, ["x", "y"]) is dataset


def test_copies_are_one_group_and_told() -> None:
    merged = merge_duplicates(columns("abab.a"), ["x", "y", "z", "y", "x", "x"])
    np.testing.assert_array_equal(merged.groups, [0, 1, 2, 1, 0, 0])
    assert merged.notices == ("3 exact duplicates (kept on one side of every split)",)
    assert merged.content == "c0ffee"


def test_copies_join_the_groups_that_hold_them() -> None:
    merged = merge_duplicates(columns("ababab", groups=["g", "g", "h", "h", "i", "i"]), list("abcada"))
    np.testing.assert_array_equal(merged.groups, [0, 0, 0, 0, 0, 0])
    merged = merge_duplicates(columns("ababab", groups=["g", "g", "h", "h", "i", "i"]), list("abcaef"))
    np.testing.assert_array_equal(merged.groups, [0, 0, 0, 0, 2, 2])


def test_copies_of_test_images_are_dropped_from_train() -> None:
    splits = ["train", "test", "", "train", "test", "test"]
    merged = merge_duplicates(columns("ab.bab", splits=splits), ["x", "x", "x", "y", "y", "y"])
    assert merged.ids == ("1.png", "4.png", "5.png")
    assert set(merged.splits) == {"test"}
    assert merged.notices == (
        "4 exact duplicates (kept on one side of every split), "
        "3 images dropped from train because they or their group are in test, 2 images with two different labels",
    )


def test_the_group_of_a_copy_of_a_test_image_is_dropped_from_train() -> None:
    dataset = columns("abab", groups=["patient", "patient", "other", ""], splits=["train", "train", "train", "test"])
    merged = merge_duplicates(dataset, ["x", "y", "z", "x"])
    assert merged.ids == ("2.png", "3.png")
    assert "2 images dropped from train" in merged.notices[0]


def test_a_copy_with_another_label_is_counted() -> None:
    merged = merge_duplicates(columns("abba."), ["x", "x", "y", "y", "y"])
    assert merged.notices == (
        "3 exact duplicates (kept on one side of every split), 2 images with two different labels",
    )


def test_a_notice_is_added_to_those_before() -> None:
    merged = merge_duplicates(replace(columns("ab"), notices=("first",)), ["x", "x"])
    assert [notice[:7] for notice in merged.notices] == ["first", "1 exact"]


def test_a_subset_keeps_images_columns_and_vectors_together() -> None:
    part = subset(columns("abab", groups=["g", "", "g", "h"], splits=["train", "", "", "test"]), np.array([3, 1]))
    assert part.ids == ("3.png", "1.png")
    np.testing.assert_array_equal(part.labels, [1, 1])
    np.testing.assert_array_equal(part.splits, ["test", ""])
    np.testing.assert_array_equal(part.groups, [2, 1])
    np.testing.assert_array_equal(part.vectors, [[6, 7], [2, 3]])
    assert [int(part.image(i)[0, 0, 0]) for i in range(2)] == [3, 1]


def test_a_subset_has_a_content_of_its_own() -> None:
    whole = columns("abab")
    contents = {subset(whole, np.array(kept)).content for kept in ([0, 1], [1, 0], [0, 2], [0, 1, 2, 3])}
    assert len(contents) == 4


def test_the_fingerprint_stays_where_only_names_and_notices_differ() -> None:
    dataset = columns("ab.")
    assert dataset.fingerprint == columns("ab.").fingerprint
    assert replace(dataset, name="elsewhere", notices=("x",)).fingerprint == dataset.fingerprint


def numbers(labels: list[str], task: str = "auto", splits: list[str] | None = None) -> Dataset:
    return from_columns(unlabelled(len(labels)), labels, None, splits, task)


def test_numbers_that_are_not_all_whole_are_targets_of_one_stratum() -> None:
    dataset = numbers(["1.5", "", "-2", "1.5"])
    assert dataset.task == "regression"
    assert dataset.truth is dataset.targets
    np.testing.assert_array_equal(dataset.targets, [1.5, np.nan, -2, 1.5])
    np.testing.assert_array_equal(dataset.labels, [0, -1, 0, 0])
    assert len(dataset.classes) == 1


def test_whole_numbers_are_classes_and_the_other_way_is_told() -> None:
    dataset = numbers(["1", "2.0", ""])
    assert (dataset.task, dataset.targets, dataset.classes) == ("classification", None, ("1", "2.0"))
    assert dataset.truth is dataset.labels
    assert dataset.notices == (
        "labels are whole numbers and taken as classes; --task regression takes them as numbers",
    )
    assert numbers(["1", "2", ""], "classification").notices == ()


def test_the_task_can_be_said() -> None:
    np.testing.assert_array_equal(numbers(["1", "2", ""], "regression").targets, [1, 2, np.nan])
    assert numbers(["1.5", "2.5"], "classification").classes == ("1.5", "2.5")
    with pytest.raises(EmbedkitError, match=r"photos: the label 'cat' of '1.png' is no finite number"):
        numbers(["1", "cat"], "regression")


def test_a_subset_and_copies_keep_their_targets() -> None:
    dataset = numbers(["1.5", "2", "3", "4"], splits=["train", "train", "test", "train"])
    merged = merge_duplicates(dataset, ["x", "y", "x", "y"])
    assert merged.ids == ("1.png", "2.png", "3.png")
    np.testing.assert_array_equal(merged.targets, [2, 3, 4])
    assert merged.notices == (
        "2 exact duplicates (kept on one side of every split), "
        "1 image dropped from train because it or its group is in test, 2 images with two different labels",
    )


def test_the_fingerprint_changes_with_a_target() -> None:
    assert numbers(["1.5", "2"]).fingerprint != numbers(["1.5", "2.25"]).fingerprint


@pytest.mark.parametrize(
    "change",
    [
        lambda d: {"recipe": "vectors"},
        lambda d: {"content": "decaf"},
        lambda d: {"classes": ("b", "a")},
        lambda d: {"labels": d.labels[::-1]},
        lambda d: {"groups": d.groups[::-1]},
        lambda d: {"splits": np.array(["train", "", "test"])},
    ],
    ids=["recipe", "content", "classes", "labels", "groups", "splits"],
)
def test_the_fingerprint_changes_with_what_a_trial_depends_on(change: Callable[[Dataset], dict[str, Any]]) -> None:
    dataset = columns("ab.")
    assert replace(dataset, **change(dataset)).fingerprint != dataset.fingerprint
