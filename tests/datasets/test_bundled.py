"""Digits, upright and turned: the images, numbers and keys that every installation has to have."""

from __future__ import annotations

import numpy as np
import pytest

from embedkit.datasets.bundled import DEGREES_MAX, SIDE, ZOOM, bundled, rotated
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


@pytest.fixture(scope="module")
def turned() -> Dataset:
    return bundled(lambda done, total: None, name="rotated_digits")


def test_rotated_digits_have_an_angle_each(turned: Dataset, digits: Dataset) -> None:
    assert (len(turned), turned.shape, turned.task, turned.recipe) == (
        1797,
        (16, 16, 1),
        "regression",
        "rotated_digits",
    )
    assert turned.ids == digits.ids
    assert turned.notices == ()
    assert turned.targets is not None
    np.testing.assert_array_equal(turned.targets[:4], [29.93, 0.77, 39.55, 1.86])
    np.testing.assert_array_equal(turned.labels, 0)


def test_angles_are_spread_evenly_and_do_not_depend_on_the_split(turned: Dataset) -> None:
    assert turned.targets is not None
    counts = np.histogram(turned.targets, bins=9, range=(-DEGREES_MAX, DEGREES_MAX))[0]
    assert counts.sum() == 1797
    np.testing.assert_allclose(counts, 1797 / 9, rtol=0.2)
    in_test = turned.splits == "test"
    assert np.mean(in_test) == pytest.approx(0.2, abs=0.02)
    assert np.mean(turned.targets[in_test]) == pytest.approx(np.mean(turned.targets[~in_test]), abs=3)


def test_the_image_is_the_digit_turned_by_its_angle(turned: Dataset, digits: Dataset) -> None:
    assert turned.targets is not None
    for i in (0, 700, 1796):
        np.testing.assert_array_equal(
            turned.image(i)[..., 0], rotated(digits.image(i)[..., 0], turned.targets[i], SIDE, ZOOM)
        )


def test_no_ink_is_lost_at_any_angle(digits: Dataset) -> None:
    for i in range(0, 1797, 100):
        scan = digits.image(i)[..., 0]
        for degrees in (-45, 10, 45):
            ink = rotated(scan, degrees, SIDE, ZOOM).sum(dtype=float)
            assert ink == pytest.approx(ZOOM**2 * scan.sum(dtype=float), rel=0.03)


@pytest.mark.parametrize(("degrees", "quarters"), [(0, 0), (90, 1), (180, 2), (-90, 3)])
def test_quarter_turns_are_exact_and_counterclockwise(degrees: float, quarters: int) -> None:
    image = np.random.default_rng(0).integers(0, 256, (8, 8), dtype=np.uint8)
    np.testing.assert_array_equal(rotated(image, degrees, 8, 1.0), np.rot90(image, quarters))


def test_between_pixels_is_their_mean() -> None:
    """Enlarged to twice its size, pixels are looked up a quarter of a pixel beside their centres."""
    image = np.array([[0, 80], [0, 80]], dtype=np.uint8)
    np.testing.assert_array_equal(rotated(image, 0, 4, 2.0)[1], [0, 20, 60, 60])


def test_the_fingerprints_of_rotated_digits_are_those_that_stored_results_have(turned: Dataset) -> None:
    assert turned.content == "fd0dd01374fb9fe91102b485da7790c4adf2e0d3b3940e4b9adb7f0da2ad051b"
    assert turned.fingerprint == "30fb2f48736a309e3b2ac24ff7d4304e50d5a8346d7266d5456e0ce61d27cc78"
