from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from embedkit.errors import EmbedkitError
from embedkit.statistics import average_ranks, friedman, holm, sign_flip_test


def test_holm_by_hand() -> None:
    np.testing.assert_allclose(holm(np.array([0.01, 0.04, 0.03, 0.5])), [0.04, 0.09, 0.09, 0.5])


def test_holm_never_goes_beyond_1() -> None:
    assert holm(np.array([0.6, 0.7])).tolist() == [1, 1]


def test_a_sign_flip_test_of_ten_repeats_that_all_agree() -> None:
    assert sign_flip_test(np.arange(1, 11)) == pytest.approx(2 / 2**10)


def test_a_sign_flip_test_of_repeats_that_cancel() -> None:
    assert sign_flip_test(np.tile([1.0, -1.0], 6)) == 1


def test_a_sign_flip_test_of_few_repeats_is_refused() -> None:
    with pytest.raises(EmbedkitError) as refused:
        sign_flip_test(np.ones(5))
    assert str(refused.value) == (
        "a sign-flip test needs at least 10 repeats; there are 5, and p would be 0.062 or more whatever they show: "
        "run more repeats, or use the interval"
    )


def test_average_ranks_share_ties_and_stand_from_best_to_worst() -> None:
    scores = pd.DataFrame({"tree": [0.1, 0.2], "svm": [0.9, 0.8], "lda": [0.9, 0.7]}, index=["a", "b"])
    assert average_ranks(scores).to_dict() == {"svm": 1.25, "lda": 1.75, "tree": 3.0}


def test_the_critical_difference_is_that_of_the_tables() -> None:
    rng = np.random.default_rng(0)
    found = friedman(pd.DataFrame(rng.random((14, 4))))
    assert found.critical_difference == pytest.approx(2.569 * (4 * 5 / (6 * 14)) ** 0.5, rel=1e-3)  # Demsar 2006
    assert found.p_value > 0.05


def test_heads_that_always_stand_alike_differ() -> None:
    scores = pd.DataFrame(np.tile([0.9, 0.8, 0.1], (10, 1)))
    assert friedman(scores).p_value < 1e-3


@pytest.mark.parametrize("shape", [(9, 3), (10, 2)])
def test_few_data_sets_or_heads_are_not_tested(shape: tuple[int, int]) -> None:
    with pytest.raises(EmbedkitError) as refused:
        friedman(pd.DataFrame(np.ones(shape)))
    n, k = shape
    assert str(refused.value) == (
        f"a Friedman test needs at least 10 data sets and 3 heads; there are {n} data sets and {k} heads: "
        "average ranks can only be described"
    )
