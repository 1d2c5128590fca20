from __future__ import annotations

import numpy as np

from embedkit.report.figures.confusion import confusion_counts, confusion_frame


def test_counts_are_truth_by_predicted() -> None:
    counts = confusion_counts(np.array([0, 0, 0, 1]), np.array([0, 1, 1, 1]), 2)
    assert counts.tolist() == [[1, 2], [0, 1]]


def test_shares_are_of_the_true_class() -> None:
    found = confusion_frame(np.array([[1, 3], [0, 4]]), ["cat", "dog"])
    assert found.to_numpy().tolist() == [["cat", "cat", 1, 0.25], ["cat", "dog", 3, 0.75], ["dog", "dog", 4, 1.0]]


def test_of_many_classes_those_that_are_mistaken_most_stay() -> None:
    counts = 10 * np.eye(30, dtype=int)
    counts[28, 29] = 5
    found = confusion_frame(counts, [f"{i:02d}" for i in range(30)])
    assert found["truth"].nunique() == 20
    assert {"28", "29"} <= set(found["truth"])
    assert found.query("truth == '28' and predicted == '29'")["share"].item() == np.round(1 / 3, 4)
