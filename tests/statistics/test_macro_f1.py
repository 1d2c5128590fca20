from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import f1_score
from worlds import of_equal_weight

from embedkit.statistics import interval, macro_f1_values


def predictions(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = rng.choice(4, n, p=[0.5, 0.3, 0.15, 0.05])
    return truth, np.where(rng.random((3, n)) < 0.7, truth, rng.integers(0, 4, (3, n)))


def test_the_mean_of_a_repeat_is_its_macro_f1() -> None:
    truth, predicted = predictions(300)
    expected = [f1_score(truth, row, average="macro") for row in predicted]
    np.testing.assert_allclose(macro_f1_values(truth, predicted).mean(axis=1), expected, rtol=1e-12)


def test_values_are_those_of_leaving_out_each_image() -> None:
    truth, predicted = predictions(40)
    truth[7], predicted[0, 7] = 5, 4  # the only image of its class, taken for one that is never true
    row, everyone = predicted[0], np.arange(40)
    whole = f1_score(truth, row, average="macro", labels=np.unique(truth))
    without = [
        f1_score(truth[rest], row[rest], average="macro", labels=np.unique(truth[rest]), zero_division=0)
        for rest in (everyone != i for i in range(40))
    ]
    pseudo = 40 * whole - 39 * np.array(without)
    np.testing.assert_allclose(macro_f1_values(truth, row[None])[0], pseudo - pseudo.mean() + whole, rtol=1e-10)


def test_intervals_of_macro_f1_cover() -> None:
    truth, predicted = predictions(100_000, seed=1)
    expected = np.mean([f1_score(truth, row, average="macro") for row in predicted])
    covered = []
    for seed in range(300):
        found = interval(macro_f1_values(*predictions(300, seed)), of_equal_weight(300))
        covered.append(abs(found.estimate - expected) <= found.half_width)
    assert 0.92 <= np.mean(covered) <= 0.995


def test_equal_predictions_differ_by_nothing() -> None:
    truth, predicted = predictions(100)
    values = macro_f1_values(truth, predicted)
    assert interval(values - values, of_equal_weight(100)).estimate == pytest.approx(0)
