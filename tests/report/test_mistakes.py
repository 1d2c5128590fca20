from __future__ import annotations

import numpy as np
import pytest

from embedkit.report.mistakes import Mistaken, Mistakes, own_confidence
from embedkit.results import ImageSet, Predictions

IDS = ["a", "b", "c", "d"]
CLASSES = ("cat", "dog")
TEST = ImageSet("t", IDS, np.array([0, 0, 1, 1]), np.arange(4), CLASSES)


def predictions(predicted: list[int], confidence: list[float], true_probability: list[float]) -> Predictions:
    return Predictions(np.array(predicted), np.array(confidence), np.array(true_probability))


def test_images_are_ordered_by_how_often_they_are_wrong() -> None:
    mistakes = Mistakes(IDS, CLASSES)
    mistakes.add(TEST, Predictions(np.array([0, 1, 1, 0]), None, None))
    mistakes.add(TEST, Predictions(np.array([0, 1, 1, 1]), None, None))
    assert mistakes.most_wrong() == [Mistaken("b", "cat", "dog", 1.0), Mistaken("d", "dog", "cat", 0.5)]
    assert mistakes.wrong_share() == {"a": 0, "b": 1, "c": 0, "d": 0.5}
    assert mistakes.doubtful_labels() is None


def test_own_confidence_is_the_mean_probability_of_a_class_for_its_own_images() -> None:
    given = predictions([0, 0, 1, 1], [0.9] * 4, [0.9, 0.7, 0.6, 0.8])
    assert own_confidence(TEST, given).tolist() == pytest.approx([0.8, 0.7])


def test_a_label_looks_wrong_where_most_trials_are_surer_of_another_class_than_of_its_own_images() -> None:
    mistakes = Mistakes(IDS, CLASSES)
    sure = predictions([0, 1, 1, 0], [0.9, 0.8, 0.7, 0.4], [0.9, 0.2, 0.7, 0.6])
    mistakes.add(TEST, sure)
    mistakes.add(TEST, sure)
    mistakes.add(TEST, Predictions(np.array([0, 0, 1, 0]), None, None))
    assert mistakes.doubtful_labels() == [Mistaken("b", "cat", "dog", 1.0)]


def test_a_doubt_of_half_of_the_trials_is_not_enough() -> None:
    mistakes = Mistakes(IDS, CLASSES)
    mistakes.add(TEST, predictions([0, 1, 1, 1], [0.9, 0.8, 0.7, 0.7], [0.9, 0.2, 0.7, 0.7]))
    mistakes.add(TEST, predictions([0, 0, 1, 1], [0.9, 0.8, 0.7, 0.7], [0.9, 0.8, 0.7, 0.7]))
    assert mistakes.doubtful_labels() == []


def test_folds_of_one_repeat_add_up() -> None:
    mistakes = Mistakes(IDS, CLASSES)
    mistakes.add(
        ImageSet("1", ["c", "a"], np.array([1, 0]), np.arange(2), CLASSES), Predictions(np.array([1, 1]), None, None)
    )
    mistakes.add(
        ImageSet("2", ["d", "b"], np.array([1, 0]), np.arange(2), CLASSES), Predictions(np.array([1, 0]), None, None)
    )
    assert mistakes.most_wrong() == [Mistaken("a", "cat", "dog", 1.0)]


def test_of_numbers_those_that_are_furthest_off_come_first() -> None:
    mistakes = Mistakes(["a", "b"], ("",))
    test = ImageSet("n", ["a", "b"], np.array([1.5, 20.0]), np.arange(2), ("",))
    mistakes.add(test, Predictions(np.array([1.0, 22.0]), None, None))
    mistakes.add(test, Predictions(np.array([2.0, 14.0]), None, None))
    assert mistakes.most_wrong() == [Mistaken("b", "20", "", 4.0), Mistaken("a", "1.5", "", 0.5)]
