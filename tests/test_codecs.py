"""What codecs store, what they give back, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest

from embedkit.codecs import CODECS, make_codec
from embedkit.errors import EmbedkitError, NotApplicable
from embedkit.spec import Spec, parse_chain


@pytest.fixture
def vectors() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(7, 5)).astype(np.float32)


@pytest.mark.parametrize("name", CODECS)
def test_every_codec_gives_back_float32_of_the_same_shape(name: str, vectors: np.ndarray) -> None:
    codec = make_codec((Spec(name),))
    for rows in (vectors, vectors[:1], vectors[:0]):
        encoded = codec.encode(rows)
        decoded = codec.decode(encoded)
        assert len(encoded) == len(rows)
        assert (decoded.dtype, decoded.shape) == (np.float32, rows.shape)


@pytest.mark.parametrize("name", CODECS)
def test_every_codec_encodes_a_row_alone_as_in_a_batch(name: str, vectors: np.ndarray) -> None:
    codec = make_codec((Spec(name),))
    np.testing.assert_array_equal(codec.encode(vectors)[3:4], codec.encode(vectors[3:4]))


def test_float32_changes_no_bit(vectors: np.ndarray) -> None:
    vectors[0, 0] = np.finfo(np.float32).tiny / 4
    codec = make_codec((Spec("float32"),))
    assert codec.decode(codec.encode(vectors)).tobytes() == vectors.tobytes()


def test_float16_takes_two_bytes_and_rounds_to_eleven_bits() -> None:
    X = np.array([[1.0, 1 + 2**-11, 1 + 3 * 2**-11, -2049.0, 65504.0]], dtype=np.float32)
    codec = make_codec((Spec("float16"),))
    assert codec.encode(X).nbytes == 2 * X.size
    np.testing.assert_array_equal(codec.decode(codec.encode(X)), [[1.0, 1.0, 1 + 2**-9, -2048.0, 65504.0]])


@pytest.mark.parametrize(("value", "reached"), [(70000.0, "70000"), (-70000.0, "70000"), (np.inf, "inf")])
def test_float16_refuses_numbers_that_would_become_infinite(value: float, reached: str) -> None:
    codec = make_codec((Spec("float16"),))
    with pytest.raises(NotApplicable) as told:
        codec.encode(np.array([[1.0, value]], dtype=np.float32))
    assert str(told.value) == f"float16 holds numbers up to 65504; the embedding reaches {reached}"


def test_a_chain_is_encoded_in_order_and_decoded_backwards(vectors: np.ndarray) -> None:
    chain = make_codec(parse_chain("float32 | float16"))
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
        ("float16(bits=8)", "float16(bits=8): unknown parameter 'bits'; float16 takes: no parameters"),
    ],
)
def test_an_unknown_codec_or_parameter_is_told(text: str, problem: str) -> None:
    with pytest.raises(EmbedkitError) as told:
        make_codec(parse_chain(text))
    assert str(told.value) == problem
