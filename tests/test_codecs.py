"""What codecs store, what they give back, and what they refuse."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from sklearn.decomposition import PCA

from embedkit.codecs import CODECS, make_codec
from embedkit.codecs.codec import Codec, PoolRows
from embedkit.errors import EmbedkitError, NotApplicable
from embedkit.spec import Spec, parse_chain


@pytest.fixture
def vectors() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(7, 5)).astype(np.float32)


POOL = (np.random.default_rng(1).normal(size=(300, 5)) * [3, 1, 2, 0.5, 0.1] + 7).astype(np.float32)
WRITTEN = [*(name for name in CODECS if name not in ("pca", "whiten")), "pca(dim=4)", "whiten(dim=4)"]


def fitted(text: str, pool: np.ndarray = POOL) -> Codec:
    """The codecs of a chain, those that learn from a pool fitted on this one, in three chunks."""
    key = hashlib.sha256(pool.tobytes()).hexdigest()
    return make_codec(parse_chain(text)).fitted(PoolRows(key, lambda: iter(np.array_split(pool, 3))))


@pytest.mark.parametrize("text", WRITTEN)
def test_every_codec_gives_back_float32_rows(text: str, vectors: np.ndarray) -> None:
    codec = fitted(text)
    for rows in (vectors, vectors[:1], vectors[:0]):
        encoded = codec.encode(rows)
        decoded = codec.decode(encoded)
        assert len(encoded) == len(rows)
        assert (decoded.dtype, decoded.shape) == (np.float32, (len(rows), 4 if "dim" in text else 5))


@pytest.mark.parametrize("text", WRITTEN)
def test_every_codec_encodes_a_row_alone_as_in_a_batch(text: str, vectors: np.ndarray) -> None:
    codec = fitted(text)
    np.testing.assert_allclose(codec.encode(vectors)[3:4], codec.encode(vectors[3:4]), rtol=1e-6)


def test_pca_gives_the_coordinates_that_scikit_learn_gives(vectors: np.ndarray) -> None:
    expected = PCA(3).fit(POOL.astype(np.float64)).transform(vectors)
    found = fitted("pca(dim=3)").encode(vectors)
    np.testing.assert_allclose(np.abs(found), np.abs(expected), rtol=1e-4, atol=1e-5)
    axes = PCA(3).fit(POOL).components_
    signs = np.sign(axes[np.arange(3), np.abs(axes).argmax(axis=1)])
    np.testing.assert_allclose(found, expected * signs, rtol=1e-4, atol=1e-5)


def test_whitened_the_pool_has_mean_zero_and_the_identity_for_covariance() -> None:
    white = fitted("whiten(dim=5)").encode(POOL)
    np.testing.assert_allclose(white.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(np.cov(white.T, ddof=0), np.eye(5), atol=1e-4)


def test_a_direction_without_variance_is_not_blown_up() -> None:
    flat = np.hstack([POOL, np.full((300, 1), 2.0, dtype=np.float32)]).astype(np.float32)
    assert np.abs(fitted("whiten(dim=6)", flat).encode(flat)).max() < 10


def test_what_follows_in_a_chain_stores_the_coordinates() -> None:
    codec = fitted("whiten(dim=3) | float16")
    encoded = codec.encode(POOL)
    assert (encoded.dtype, encoded.shape) == (np.float16, (300, 3))
    np.testing.assert_allclose(codec.decode(encoded), fitted("whiten(dim=3)").encode(POOL), rtol=1e-3, atol=1e-6)


def test_a_codec_learns_from_the_pool_as_the_codecs_before_it_give_it() -> None:
    twice = fitted("pca(dim=4) | whiten(dim=2)").encode(POOL)
    np.testing.assert_allclose(np.abs(twice), np.abs(fitted("whiten(dim=2)").encode(POOL)), rtol=1e-4, atol=1e-4)


def test_what_is_learnt_from_a_pool_is_learnt_once(monkeypatch: pytest.MonkeyPatch) -> None:
    first = fitted("pca(dim=2)").encode(POOL)
    monkeypatch.setattr(np.linalg, "eigh", None)
    np.testing.assert_array_equal(fitted("pca(dim=2)").encode(POOL), first)
    with pytest.raises(TypeError):
        fitted("pca(dim=2)", POOL[:100])


@pytest.mark.parametrize(
    ("text", "rows", "problem"),
    [
        ("pca(dim=6)", 300, "pca(dim=6): an embedding has 5 numbers; write dim=5 or less"),
        ("whiten", 300, "whiten(dim=64): an embedding has 5 numbers; write dim=5 or less"),
        (
            "whiten(dim=4)",
            4,
            "whiten(dim=4): 4 images of the pool span 3 directions; write dim=3 or less, or add unlabelled images",
        ),
    ],
)
def test_a_pool_that_does_not_suffice_is_told(text: str, rows: int, problem: str) -> None:
    with pytest.raises(NotApplicable) as told:
        fitted(text, POOL[:rows])
    assert str(told.value) == problem


def test_float32_changes_no_bit(vectors: np.ndarray) -> None:
    vectors[0, 0] = np.finfo(np.float32).tiny / 4
    codec = fitted("float32")
    assert codec.decode(codec.encode(vectors)).tobytes() == vectors.tobytes()


def test_float16_takes_two_bytes_and_rounds_to_eleven_bits() -> None:
    X = np.array([[1.0, 1 + 2**-11, 1 + 3 * 2**-11, -2049.0, 65504.0]], dtype=np.float32)
    codec = fitted("float16")
    assert codec.encode(X).nbytes == 2 * X.size
    np.testing.assert_array_equal(codec.decode(codec.encode(X)), [[1.0, 1.0, 1 + 2**-9, -2048.0, 65504.0]])


@pytest.mark.parametrize(("value", "reached"), [(70000.0, "70000"), (-70000.0, "70000"), (np.inf, "inf")])
def test_float16_refuses_numbers_that_would_become_infinite(value: float, reached: str) -> None:
    codec = fitted("float16")
    with pytest.raises(NotApplicable) as told:
        codec.encode(np.array([[1.0, value]], dtype=np.float32))
    assert str(told.value) == f"float16 holds numbers up to 65504; the embedding reaches {reached}"


def test_a_chain_is_encoded_in_order_and_decoded_backwards(vectors: np.ndarray) -> None:
    chain = fitted("float32 | float16")
    assert chain.encode(vectors).dtype == np.float16
    np.testing.assert_array_equal(chain.decode(chain.encode(vectors)), vectors.astype(np.float16).astype(np.float32))
    with pytest.raises(NotApplicable):
        chain.encode(vectors * 1e6)


def test_a_chain_has_the_sum_of_the_versions() -> None:
    versions = [make_codec((Spec(name),)).version for name in ("float32", "float16", "float16")]
    assert make_codec(parse_chain("float32 | float16 | float16")).version == sum(versions)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("flaot16", f"unknown codec 'flaot16'; did you mean 'float16'? Codecs: {', '.join(sorted(CODECS))}"),
        ("float32 | zip", f"unknown codec 'zip'; Codecs: {', '.join(sorted(CODECS))}"),
        ("pca(dim=0)", "pca(dim=0): dim=0: input should be greater than or equal to 1"),
        ("float16(bits=8)", "float16(bits=8): unknown parameter 'bits'; float16 takes: no parameters"),
    ],
)
def test_an_unknown_codec_or_parameter_is_told(text: str, problem: str) -> None:
    with pytest.raises(EmbedkitError) as told:
        make_codec(parse_chain(text))
    assert str(told.value) == problem
