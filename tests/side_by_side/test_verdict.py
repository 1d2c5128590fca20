from __future__ import annotations

import pandas as pd
import pytest

from embedkit.side_by_side.verdict import STATUS, cell_difference, ending, margin_text, verdict_line


def cells(*verdicts: str, differences: tuple[float, ...] = (), score: str = "accuracy") -> pd.DataFrame:
    """Cells of ten trials each; differences are ±.02, and .9 of the predictions equal."""
    differences = differences or (0.0,) * len(verdicts)
    return pd.DataFrame(
        [
            {
                "head": f"head{at}", "budget": "5", "score": score, "trials": 10, "difference": difference,
                "low": difference - 0.02, "high": difference + 0.02, "equal_predictions": 1 if said == "same" else 0.9,
                "verdict": said,
            }
            for at, (said, difference) in enumerate(zip(verdicts, differences, strict=True))
        ]
    )  # fmt: skip


@pytest.mark.parametrize(
    ("found", "ended", "line"),
    [
        (cells("same", "same"), "same", "the same: 20 trials in 2 cells, every prediction equal"),
        (
            cells("same", "level"),
            "level",
            "level: 20 trials in 2 cells, 95.00% equal predictions, no difference beyond 1 point",
        ),
        (
            cells("undecided", "level", differences=(-0.003, 0)),
            "undecided",
            "undecided: no cell differs, but 1 of 2 cells may differ by more than 1 point (head0, budget 5: -0.3 ±2.0)",
        ),
        (
            cells("better", "same", "better", differences=(0.05, 0, 0.12)),
            "differ",
            "A is better in 2 of 3 cells (by up to 12.0 points), worse in none",
        ),
        (
            cells("worse", "undecided", differences=(-0.05, 0)),
            "differ",
            "A is worse in 1 of 2 cells (by up to 5.0 points), better in none, undecided in 1",
        ),
        (
            cells("worse", "better", differences=(-0.05, 0.03)),
            "differ",
            "A is better in 1 of 2 cells (by up to 3.0 points), worse in 1 (by up to 5.0 points)",
        ),
    ],
)
def test_the_verdict_is_one_line(found: pd.DataFrame, ended: str, line: str) -> None:
    assert ending(found) == ended
    assert verdict_line(found, 1.0) == line


def test_only_what_is_the_same_or_level_ends_with_status_0() -> None:
    assert STATUS == {"same": 0, "level": 0, "differ": 1, "undecided": 3}


def test_differences_of_errors_are_in_units_of_the_target() -> None:
    found = cells("better", differences=(1.5,), score="mae")
    assert cell_difference(found.iloc[0]) == "+1.5000 ±0.0200"
    assert verdict_line(found, 1.0) == "A is better in 1 of 1 cell (by up to 1.5000), worse in none"


def test_the_margin_in_words() -> None:
    assert margin_text(cells("same"), 1.0) == "1 point"
    assert margin_text(cells("same"), 0.5) == "0.5 points"
    assert margin_text(cells("same", score="mae"), 2.0) == "2% of the error of saying the median"
