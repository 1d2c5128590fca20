from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from embedkit.side_by_side.origins import origin_lines
from embedkit.side_by_side.pairs import read_side

Change = Callable[..., Path]


def test_what_both_share_is_not_told(folder: Path) -> None:
    side = read_side(folder)
    assert origin_lines(side, side) == [
        f"A  {folder}  18 trials",
        f"B  {folder}  18 trials",
        "   the same versions, machine and settings",
    ]


def test_what_differs_is_told_of_both(folder: Path, other: Path, sql: Change) -> None:
    sql(
        other,
        "UPDATE runs SET facts = json_set(facts, '$.versions.embedkit', '0.2.0')",
        "UPDATE runs SET facts = json_set(facts, '$.gpu', 'H200', '$.study.repeats', 5)",
    )
    a, b = origin_lines(read_side(folder), read_side(other))
    assert a.endswith("  18 trials; embedkit 0.1.0; repeats 3; gpu -")
    assert b.endswith("  18 trials; embedkit 0.2.0; repeats 5; gpu H200")
    assert a.index("18 trials") == b.index("18 trials")
