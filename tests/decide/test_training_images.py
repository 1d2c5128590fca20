"""Nearest labelled images, and what is far from all of them."""

from __future__ import annotations

import numpy as np
import pytest

from embedkit.decide.training_images import TrainingImages


def test_the_nearest_come_first_by_the_angle_between_embeddings() -> None:
    X = np.array([[1, 0], [0, 1], [-1, 0], [10, 1]], dtype=np.float32)
    there = TrainingImages.of(["east", "north", "west", "nearly east"], X, np.arange(4))
    ids, distances = there.nearest(np.array([[5, 0], [0.1, 3]], dtype=np.float32))
    assert ids.tolist() == [["east", "nearly east", "north"], ["north", "nearly east", "east"]]
    assert distances == pytest.approx([0, 1 - 3 / np.sqrt(9.01)], abs=1e-6)


def test_with_fewer_than_three_the_others_are_empty() -> None:
    there = TrainingImages.of(["a", "b"], np.eye(2, dtype=np.float32), np.arange(2))
    assert there.nearest(np.array([[1, 0.5]], dtype=np.float32))[0].tolist() == [["a", "b", ""]]


def test_far_is_beyond_the_distances_that_the_images_have_among_themselves() -> None:
    angles = np.deg2rad(np.arange(0, 90, 1.0))
    X = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    there = TrainingImages.of([str(i) for i in range(90)], X, np.arange(90))
    assert there.far_from == pytest.approx(1 - np.cos(np.deg2rad(1)), rel=0.5)
    _, distances = there.nearest(np.array([[1, 1], [-1, -1]], dtype=np.float32))
    assert (distances > there.far_from).tolist() == [False, True]


def test_images_of_one_group_do_not_make_each_other_near() -> None:
    X = np.repeat(np.eye(3, dtype=np.float32), 2, axis=0)
    assert TrainingImages.of(list("aabbcc"), X, np.arange(6)).far_from == pytest.approx(0, abs=1e-6)
    assert TrainingImages.of(list("aabbcc"), X, np.arange(6) // 2).far_from == pytest.approx(1, abs=1e-6)


def test_of_one_image_nothing_is_far() -> None:
    there = TrainingImages.of(["a"], np.ones((1, 2), dtype=np.float32), np.zeros(1, dtype=int))
    assert there.far_from == float("inf")
