from __future__ import annotations

import numpy as np
import pytest

from embedkit.report.figures.embedding_map import class_marks, plane, shown_images


def test_the_plane_holds_the_two_directions_of_largest_variance() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(200, 5)) * [100, 5, 0.1, 0.1, 0.1]
    at, share = plane(vectors)
    assert abs(np.corrcoef(at[:, 0], vectors[:, 0])[0, 1]) == pytest.approx(1, abs=1e-2)
    assert abs(np.corrcoef(at[:, 1], vectors[:, 1])[0, 1]) == pytest.approx(1, abs=1e-2)
    assert share > 0.99


def test_one_number_per_image_makes_no_plane() -> None:
    at, share = plane(np.ones((4, 1)))
    assert at.tolist() == [[0, 0]] * 4
    assert share == 0


def test_of_many_images_the_same_ones_are_shown_in_whatever_order_they_come() -> None:
    ids = [f"{i}.png" for i in range(50)]
    shown = shown_images(ids, 10)
    assert len(shown) == 10
    assert set(shown) == set(shown_images(ids[::-1], 10))
    assert shown_images(ids, 50) == ids


def test_no_two_of_36_classes_look_alike() -> None:
    colors, shapes = class_marks(36)
    assert len(set(zip(colors, shapes, strict=True))) == 36
