"""Metrics: known distances, centres and whitening."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from embedkit.distance import metrics
from embedkit.distance.metrics import METRICS, distance_rows, make_metric, whitening
from embedkit.errors import EmbedkitError, NotApplicable
from embedkit.spec import parse

X = np.array([[3, 4], [0, 5], [-6, 8], [0, 0]], dtype=np.float32)


@pytest.mark.parametrize(("pairwise", "scipys"), [("euclidean",) * 2, ("cosine",) * 2, ("manhattan", "cityblock")])
def test_distances_are_those_of_scipy(pairwise: str, scipys: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = np.random.default_rng(0).normal(size=(50, 7)).astype(np.float32)
    expected = cdist(rows, rows, scipys)
    ((start, kept),) = distance_rows(rows, pairwise)()
    assert start == 0
    np.testing.assert_allclose(kept, expected, atol=1e-5)
    monkeypatch.setattr(metrics, "KEPT_IMAGES_MAX", 10)
    monkeypatch.setattr(metrics, "CHUNK_MIB", 0.005)
    stretches = list(distance_rows(rows, pairwise)())
    assert len(stretches) > 3
    assert [start for start, _ in stretches] == list(np.cumsum([0] + [len(part) for _, part in stretches])[:-1])
    np.testing.assert_allclose(np.concatenate([part for _, part in stretches]), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("metric", "centre"),
    [("euclidean", [-1, 17 / 3]), ("cosine", [0, (0.8 + 1 + 0.8) / 3]), ("manhattan", [0, 5])],
)
def test_the_centre_belongs_to_the_metric(metric: str, centre: list[float]) -> None:
    np.testing.assert_allclose(make_metric(parse(metric)).centre(X[:3]), centre, atol=1e-6)


def test_whitening_gives_the_pool_the_same_variance_in_every_direction() -> None:
    rng = np.random.default_rng(0)
    pool = rng.normal(size=(20_000, 3)) @ np.array([[9, 1, 0], [0, 1, 0.5], [0, 0, 2]]) + [100, -7, 0]
    white = whitening(pool)(pool)
    assert white.dtype == np.float32
    np.testing.assert_allclose(white.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(np.cov(white.T), np.eye(3), atol=0.02)


def test_a_direction_that_the_pool_does_not_know_is_not_blown_up_without_bound() -> None:
    rng = np.random.default_rng(0)
    pool = np.column_stack([rng.normal(size=200), np.zeros(200)])
    assert np.abs(whitening(pool)(np.array([[0.0, 1.0]]))).max() < 1500


@pytest.mark.parametrize(
    ("pool", "told"),
    [
        (np.ones((99, 2)), "whitening needs at least 100 images that are never tested on; there are 99"),
        (np.ones((100, 2)), "whitening needs embeddings that differ; those of the pool are all equal"),
    ],
)
def test_a_pool_that_is_too_small_or_constant_is_not_applicable(pool: np.ndarray, told: str) -> None:
    with pytest.raises(NotApplicable, match=told):
        whitening(pool)


def test_only_whitening_learns_from_the_pool() -> None:
    assert [name for name in METRICS if make_metric(parse(name)).fit] == ["whitened"]


def test_an_unknown_metric_is_told_with_the_closest_and_all() -> None:
    with pytest.raises(EmbedkitError) as told:
        make_metric(parse("cosin"))
    assert str(told.value) == (
        "unknown metric 'cosin'; did you mean 'cosine'? Metrics: cosine, euclidean, manhattan, whitened"
    )
