from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from embedkit.errors import EmbedkitError
from embedkit.side_by_side.pairs import alone, pairs, read_side

Change = Callable[..., Path]


def test_every_trial_has_its_pair(folder: Path, other: Path) -> None:
    both = pairs(read_side(folder), read_side(other))
    assert len(both) == 18
    assert (both["key_a"] == both["key_b"]).all()


def test_other_label_draws_are_refused_with_both_hashes(folder: Path, other: Path, sql: Change) -> None:
    sql(other, "UPDATE rows SET draw_sha256 = 'beefbeefbeefbeef' WHERE repeat = 1")
    mine = read_side(folder)
    mine.rows["draw_sha256"] = "0123456789abcdef"
    with pytest.raises(EmbedkitError) as told:
        pairs(mine, read_side(other))
    assert str(told.value).startswith(
        "the label draws differ in 18 of 18 trials (first: photos, pixels, forest, budget "
    )
    assert f"0123456789ab in {folder}" in str(told.value)
    assert str(told.value).endswith("--unpaired compares means instead, with wider intervals")


def test_other_test_images_are_refused_with_both_hashes(folder: Path, other: Path) -> None:
    theirs = read_side(other)
    theirs.rows["test_sha256"] = "s" * 64
    with pytest.raises(
        EmbedkitError, match=f"the test images differ in 18 of 18 trials .*: {'t' * 12} in .*, {'s' * 12} in"
    ):
        pairs(read_side(folder), theirs)


def test_nothing_in_common_is_told_by_what_differs(folder: Path, ages: Path) -> None:
    with pytest.raises(
        EmbedkitError, match=r"no trial is in both: .*photos has dataset photos and .*ages has dataset ages"
    ):
        pairs(read_side(folder), read_side(ages))


def test_trials_without_a_pair_are_those_of_one_side_only(folder: Path, other: Path, sql: Change) -> None:
    sql(other, "DELETE FROM rows WHERE head = 'svm' AND repeat = 2")
    a, b = read_side(folder), read_side(other)
    assert set(alone(a, b, unpaired=False)["key"]) == {"svm 1 2", "svm 5 2"}
    assert len(alone(a, b, unpaired=True)) == len(alone(b, a, unpaired=False)) == 0


def test_a_folder_without_finished_trials_is_told(folder: Path, other: Path, sql: Change) -> None:
    sql(other, "UPDATE rows SET status = 'failed'")
    with pytest.raises(EmbedkitError, match="other holds no finished trials of heads"):
        read_side(other)
