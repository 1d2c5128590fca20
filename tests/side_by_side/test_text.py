from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from embedkit.side_by_side.differences import compare_sides, read_sides
from embedkit.side_by_side.text import comparison_text

Change = Callable[..., Path]


def told(a: Path, b: Path, unpaired: bool = False, width: int = 118) -> list[str]:
    sides = read_sides(a, b)
    cells = compare_sides(*sides, unpaired=unpaired, margin=1.0)
    return comparison_text(*sides, cells, unpaired, 1.0, width).splitlines()


def test_the_same_needs_no_table(folder: Path) -> None:
    assert told(folder, folder)[3:] == [
        "",
        "time to fit: A takes 1.00 times as long as B, median of 6 cells (1 to 1)",
        "the same: 18 trials in 6 cells, every prediction equal",
    ]


def test_differences_stand_in_a_table_and_the_verdict_last(folder: Path, other: Path, repredict: Change) -> None:
    repredict(other, "head = 'svm' AND budget = '5'", lambda predicted: 1 - predicted)
    lines = told(folder, other)
    assert "photos, pixels: A - B, accuracy in points" in lines
    cells = [line.split() for line in lines]
    assert ["head", "1", "5", "equal", "fit", "A/B"] in cells
    assert ["mlp", "=", "=", "100.00%", "1.00"] in cells
    (svm,) = [line for line in cells if line[:1] == ["svm"]]
    assert (svm[1], svm[2], svm[4:]) == ("=", "+80.0", ["50.00%", "1.00"])
    assert svm[3].endswith("*")
    assert lines[-1] == "A is better in 1 of 6 cells (by up to 80.0 points), worse in none"


def test_what_has_no_counterpart_is_told(folder: Path, other: Path, sql: Change) -> None:
    sql(other, "DELETE FROM rows WHERE head = 'svm'")
    lines = told(folder, other)
    assert "only in A: 6 trials (svm)" in lines
    assert lines[-1] == "the same: 12 trials in 4 cells, every prediction equal; 6 trials have no counterpart"


def test_other_recipes_are_counted(folder: Path, other: Path, sql: Change) -> None:
    sql(other, "UPDATE predictions SET key = 'new ' || key", "UPDATE rows SET key = 'new ' || key")
    assert "made by other recipes (versions of data, backbone, codec or head): 18 pairs" in told(folder, other)


def test_without_pairs_nothing_is_said_of_equal_predictions(folder: Path) -> None:
    lines = told(folder, folder, unpaired=True)
    assert ["head", "1", "5", "fit", "A/B"] in [line.split() for line in lines]
    assert lines[-1].startswith("undecided: no cell differs, but 6 of 6 cells may differ by more than 1 point (")
