from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from embedkit.outcomes import study_rows
from embedkit.side_by_side.judgement import judge
from embedkit.side_by_side.judgement_text import STATUS, ending, judgement_text
from embedkit.side_by_side.pairs import Side

Change = Callable[..., Path]


def told(rerun: Path, reference: Path, *by_machine: tuple[str, str]) -> tuple[int, list[str]]:
    sides = [Side(folder, study_rows(folder)) for folder in (rerun, reference)]
    cells = judge(*sides, by_machine)
    return STATUS[ending(cells)], judgement_text(*sides, cells, 118).splitlines()


def one_other(predicted: np.ndarray) -> np.ndarray:
    return np.where(np.arange(10) == 0, 1 - predicted, predicted)


def test_what_is_verified_is_told_by_rule_with_the_verdict_last(folder: Path, other: Path) -> None:
    status, lines = told(folder, other)
    assert status == 0
    assert lines == [
        f"A  {folder}  18 trials",
        f"B  {other}   18 trials",
        "   the same versions, machine and settings",
        "",
        "18 of its 18 trials were run again; on the same label draws and test images: 18",
        "99.5% equal predictions: 2 of 2 cells; heads without chance, on embeddings that every machine makes alike; "
        "100.00%",
        "  equal predictions",
        "an interval within 1 point: 4 of 4 cells; heads with chance; 100.00% equal predictions",
        "",
        "other is verified in 18 of its 18 trials, 6 cells: 100.00% equal predictions",
    ]


def test_cells_that_differ_stand_in_a_table(folder: Path, other: Path, repredict: Change, sql: Change) -> None:
    repredict(folder, "head = 'svm' AND budget = '5' AND repeat = 0", one_other)
    repredict(folder, "head = 'mlp' AND budget = '5'", lambda predicted: 1 - predicted)
    sql(folder, "UPDATE rows SET draw_sha256 = 'other' WHERE head = 'forest' AND budget = '1' AND repeat = 0")
    status, lines = told(folder, other)
    assert status == 1
    table = [line.split() for line in lines]
    assert ["embedding", "head", "budget", "found", "required"] in table
    assert ["svm", "5", "96.7%", "equal", "99.5%", "equal", "predictions", "refuted"] in [line[-8:] for line in table]
    draws = ["other", "label", "draws", "in", "1", "of", "3", "trials", "as", "in", "the", "reference", "refuted"]
    assert ["forest", "1", *draws] in [line[-len(draws) - 2 :] for line in table]
    assert "18 of its 18 trials were run again; on the same label draws and test images: 17" in lines
    assert lines[-1].startswith("other is not verified: 3 of 6 cells differ from the reference (")


def test_what_may_differ_is_not_decided(folder: Path, other: Path, repredict: Change) -> None:
    repredict(folder, "head = 'svm' AND budget = '5' AND repeat = 0", one_other)
    status, lines = told(folder, other, ("photos", "pixels"))
    assert status == 3
    assert "embeddings that depend on the machine (pixels)" in " ".join(line.strip() for line in lines)
    assert lines[-1].startswith(
        "other is not decided: no cell differs, but 1 of 6 cells may by more than 1 point (svm, budget 5: -3.3 ±"
    )


def test_a_part_and_other_recipes_are_counted(folder: Path, other: Path, sql: Change) -> None:
    sql(folder, "DELETE FROM rows WHERE head != 'svm'")
    sql(folder, "UPDATE predictions SET key = 'new ' || key", "UPDATE rows SET key = 'new ' || key")
    _, lines = told(folder, other)
    assert "6 of its 18 trials were run again; on the same label draws and test images: 6" in lines
    assert "made by other recipes (versions of data, backbone, codec or head): 6 trials" in lines
    assert lines[-1] == "other is verified in 6 of its 18 trials, 2 cells: 100.00% equal predictions"


def test_of_many_cells_the_first_are_shown(
    folder: Path, other: Path, sql: Change, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("embedkit.side_by_side.judgement_text.SHOWN", 4)
    sql(folder, "UPDATE rows SET draw_sha256 = 'other'")
    _, lines = told(folder, other)
    assert f"and 2 more: embedkit compare {folder} {other}" in lines
    assert "no pairs" in "".join(lines)
