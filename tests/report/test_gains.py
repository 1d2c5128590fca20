from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from embedkit.outcomes import Measured, Outcomes
from embedkit.report.gains import what_helps
from embedkit.statistics import Interval, images_for, interval

PLACE = ("photos", "resnet50", "float32", "cv", "accuracy")


def table(right: dict[tuple[str, str], int], backbone: str = "resnet50", n: int = 400) -> Outcomes:
    """By head and budget so many of n images right, in each of four repeats."""
    measured = {
        place: Measured(np.tile(np.arange(n) < count, (4, 1)).astype(np.int8), None, (0, 1, 2, 3))
        for place, count in right.items()
    }
    heads, budgets = (list(dict.fromkeys(place[at] for place in right)) for at in (0, 1))
    images = images_for("accuracy", np.zeros(n, dtype=np.int64), np.arange(n))
    made = Outcomes(*PLACE, images, [str(i) for i in range(n)], heads, budgets, measured)
    return dataclasses.replace(made, backbone=backbone)


BASE = {("mlp", "1"): 200, ("mlp", "5"): 240, ("mlp", "10"): 280, ("svm", "5"): 260, ("knn", "5"): 220}


def test_all_changes_start_at_the_smaller_of_the_two_budgets_closest_to_doubling() -> None:
    other = table({("mlp", "5"): 320}, "resnet18")
    worse = table({("mlp", "5"): 100}, "pixels")
    found = what_helps([worse, other, table(BASE)])
    assert found is not None
    assert (found.head, found.backbone, found.labels) == ("mlp", "resnet50", "5 labels per class")
    told = [(gain.change, gain.option, gain.of, gain.difference.estimate) for gain in found.gains]
    assert told == [
        ("backbone", "resnet18", 2, pytest.approx(0.2)),
        ("labels", "10 labels per class", 1, pytest.approx(0.1)),
        ("head", "svm", 2, pytest.approx(0.05)),
    ]
    assert [gain.verdict for gain in found.gains] == ["better"] * 3


def test_gains_are_paired_intervals() -> None:
    found = what_helps([table(BASE)])
    assert found is not None
    labels = next(gain for gain in found.gains if gain.change == "labels")
    difference = table(BASE).measured["mlp", "10"].correct - table(BASE).measured["mlp", "5"].correct
    assert labels.difference == interval(difference, table(BASE).images)


def test_an_equal_head_gains_nothing_however_many_there_are() -> None:
    rng, gains = np.random.default_rng(0), []
    for _ in range(100):
        made = table({(f"svm(C={i})", "5"): 0 for i in range(1, 9)} | {("mlp", "5"): 0}, n=200)
        of_image = rng.uniform(0.4, 0.9, 200)
        measured = {
            place: dataclasses.replace(m, correct=(rng.random((4, 200)) < of_image).astype(np.int8))
            for place, m in made.measured.items()
        }
        found = what_helps([dataclasses.replace(made, measured=measured)])
        assert found is not None
        gains.append(found.gains[0].difference)
    estimates = [gain.estimate for gain in gains]
    assert abs(np.mean(estimates)) < 3 * np.std(estimates) / 10
    assert np.mean([gain.excludes_zero for gain in gains]) < 0.1


def test_the_head_to_start_from_can_be_given() -> None:
    found = what_helps([table(BASE)], head="knn")
    assert found is not None
    assert [(gain.change, gain.difference.estimate) for gain in found.gains] == [("head", pytest.approx(0.1))]


def test_tables_of_other_images_draws_or_choices_are_no_other_backbone() -> None:
    strangers = [
        table({("mlp", "5"): 320}, "a", n=300),
        dataclasses.replace(table({("mlp", "5"): 320}, "b"), selection="default"),
        table({("svm", "5"): 320}, "c"),
    ]
    found = what_helps([*strangers, table(BASE)])
    assert found is not None
    assert {gain.change for gain in found.gains} == {"labels", "head"}


@pytest.mark.parametrize(
    "tables", [[], [dataclasses.replace(table(BASE), selection="oracle")], [table({("mlp", "1"): 9})]]
)
def test_where_nothing_can_be_changed_there_is_no_answer(tables: list[Outcomes]) -> None:
    assert what_helps(tables) is None


def test_one_budget_leaves_labels_out() -> None:
    found = what_helps([table({("mlp", "5"): 240, ("svm", "5"): 240})])
    assert found is not None
    assert [(gain.change, gain.difference.estimate) for gain in found.gains] == [("head", 0.0)]
    assert found.gains[0].difference != Interval(0.0, 0.0)
