"""Digits: the images, numbers and keys that every installation has to have."""

from __future__ import annotations

import numpy as np
import pytest

from embedkit.datasets.bundled import bundled
from embedkit.datasets.dataset import Dataset


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return bundled(lambda done, total: None)


def test_digits_has_the_images_and_classes_of_its_card(digits: Dataset) -> None:
    assert (len(digits), digits.shape, digits.name, digits.recipe) == (1797, (8, 8, 1), "digits", "digits")
    assert digits.classes == ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
    np.testing.assert_array_equal(np.bincount(digits.labels), [178, 182, 177, 183, 181, 182, 181, 179, 174, 180])


def test_an_image_is_the_original_scaled_to_eight_bits(digits: Dataset) -> None:
    image = digits.image(0)
    assert (image.dtype, image.shape) == (np.uint8, (8, 8, 1))
    np.testing.assert_array_equal(image[1, :, 0], [0, 0, 207, 239, 159, 239, 80, 0])
    assert max(digits.image(i).max() for i in range(50)) == 255


def test_labels_belong_to_their_images(digits: Dataset) -> None:
    np.testing.assert_array_equal(digits.labels[:12], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1])


def test_no_image_is_a_copy_of_another_and_none_is_in_a_split(digits: Dataset) -> None:
    assert digits.notices == ()
    assert len(set(digits.groups)) == 1797
    assert set(digits.splits) == {""}


def test_the_fingerprints_are_those_that_stored_results_have(digits: Dataset) -> None:
    assert digits.content == "b41ca9fd335466eee997366c2e6f6bbe0a1b4582afe091fc4eba35f4a254182f"
    assert digits.fingerprint == "54eab7ac3c9245111052c1a3e85a2f949ff42b318f794e9287434b149a1469f3"
