from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from sklearn import semi_supervised
from sklearn.linear_model import LogisticRegression
from sklearn.utils.estimator_checks import parametrize_with_checks

from embedkit.errors import EmbedkitError
from embedkit.heads import make_head
from embedkit.heads.self_training import SelfTrainingClassifier


@parametrize_with_checks([SelfTrainingClassifier()])
def test_it_keeps_the_contract_of_scikit_learn(estimator: Any, check: Any) -> None:
    check(estimator)


def blobs() -> tuple[np.ndarray, np.ndarray]:
    """300 rows (300, 5) of three classes, and labels of 12 of them with -1 for the others."""
    rng = np.random.default_rng(0)
    y = np.arange(300) % 3
    X = 2 * rng.normal(size=(3, 5))[y] + rng.normal(size=(300, 5))
    return X, np.where(np.arange(300) < 12, y, -1)


def test_it_does_what_scikit_learn_does() -> None:
    X, y = blobs()
    theirs = semi_supervised.SelfTrainingClassifier(LogisticRegression(max_iter=2000), threshold=0.9).fit(X, y)
    ours = SelfTrainingClassifier(threshold=0.9).fit(X, y)
    np.testing.assert_array_equal(ours.predict_proba(X), theirs.predict_proba(X))


def test_of_a_large_pool_some_rows_are_drawn() -> None:
    X, y = blobs()
    few, drawn = (SelfTrainingClassifier(pool_max=50, random_state=seed).fit(X, y) for seed in (0, 1))
    assert few.estimator_.n_features_in_ == 5
    assert not np.array_equal(few.predict_proba(X), drawn.predict_proba(X))
    none = SelfTrainingClassifier(threshold=0.999999, pool_max=50, random_state=0).fit(X, y)
    np.testing.assert_array_equal(
        none.predict_proba(X), LogisticRegression(max_iter=2000).fit(X[:12], y[:12]).predict_proba(X)
    )


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        ("self_training(head=svm)", "self_training: svm gives no probabilities; write a head that is fitted to labels"),
        ("self_training(head=label_spreading)", "self_training: label_spreading uses the pool itself; write a head"),
        ("self_training(head=ldo)", "unknown head 'ldo'; did you mean 'lda'?"),
        ("self_training(threshold=1)", "threshold=1: input should be less than 1"),
    ],
)
def test_a_head_that_cannot_be_inside_is_told(spec: str, problem: str) -> None:
    with pytest.raises(EmbedkitError, match=re.escape(problem)):
        make_head(spec)
