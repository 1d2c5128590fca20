from __future__ import annotations

import numpy as np
import pytest

from embedkit.heads.targets import classes_and_codes, standardised


class Head:
    pass


def test_labels_are_numbered_in_their_order() -> None:
    classes, codes = classes_and_codes(Head(), np.array(["dog", "cat", "dog", "ape"]))
    assert list(classes) == ["ape", "cat", "dog"]
    assert list(codes) == [2, 1, 2, 0]


def test_one_class_is_refused_unless_the_head_can_work_with_it() -> None:
    with pytest.raises(ValueError, match="Head needs at least 2 classes; y holds one class"):
        classes_and_codes(Head(), np.array([1, 1]))
    assert list(classes_and_codes(Head(), np.array([1, 1]), n_classes_min=1)[1]) == [0, 0]


def test_continuous_targets_are_refused() -> None:
    with pytest.raises(ValueError, match="Unknown label type: continuous"):
        classes_and_codes(Head(), np.array([0.5, 1.5]))


def test_standardised_targets_have_mean_zero_and_deviation_one() -> None:
    targets, mean, scale = standardised(np.array([1, 1, 5, 5]))
    np.testing.assert_array_equal(targets, [-1, -1, 1, 1])
    assert (mean, scale) == (3, 2)


def test_equal_targets_become_zeros() -> None:
    targets, mean, scale = standardised(np.full(3, 0.1, dtype=np.float32))
    np.testing.assert_allclose(targets, 0, atol=1e-15)
    assert (mean, scale) == (pytest.approx(0.1), 0)
