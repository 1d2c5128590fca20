from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from embedkit.backbones.pooling import pooled as pooled_each
from embedkit.backbones.pooling import side_by_side


def pooled(*args: Any, **options: Any) -> torch.Tensor:
    return torch.cat(pooled_each(*args, **options), 1)


MAP = torch.tensor([[[[1.0, 2.0], [3.0, 2.0]], [[-8.0, 0.0], [0.0, 0.0]], [[5.0, 5.0], [5.0, 5.0]]]])  # (1, 3, 2, 2)
FORMS = {
    "map": MAP,
    "channels last": MAP.permute(0, 2, 3, 1),
    "tokens": MAP.flatten(2).transpose(1, 2),
    "tokens behind a class token": torch.cat([torch.full((1, 1, 3), 99.0), MAP.flatten(2).transpose(1, 2)], 1),
}
every_form = pytest.mark.parametrize("features", list(FORMS.values()), ids=list(FORMS))


@every_form
@pytest.mark.parametrize(
    ("pool", "expected"),
    [
        ("avg", [2, -2, 5]),
        ("max", [3, 0, 5]),
        ("gem", [((1 + 8 + 27 + 8) / 4) ** (1 / 3), 0, 5]),
        ("flatten", [1, 2, 3, 2, -8, 0, 0, 0, 5, 5, 5, 5]),
        ("avg+max", [2, -2, 5, 3, 0, 5]),
    ],
)
def test_pools_by_hand(features: torch.Tensor, pool: str, expected: list[float]) -> None:
    np.testing.assert_allclose(pooled(features, pool), [expected], atol=2e-6)


@pytest.mark.parametrize(("tokens", "left_out"), [(196, 0), (197, 1), (201, 5), (257, 1), (50, 1)])
def test_tokens_before_the_largest_square_are_no_patches(tokens: int, left_out: int) -> None:
    features = torch.zeros(1, tokens, 1)
    features[:, :left_out] = 7
    assert pooled(features, "max").item() == 0
    assert pooled(features, "flatten").shape == (1, tokens - left_out)


@pytest.mark.parametrize("pool", ["avg", "flatten"])
def test_vectors_stay_as_they_are(pool: str) -> None:
    features = torch.tensor([[1.0, 2.0]])
    assert torch.equal(pooled(features, pool), features)


@pytest.mark.parametrize("features", [MAP, MAP[:, :, 0, 0]], ids=["map", "vectors"])
def test_what_happens_to_the_features_later_does_not_matter(features: torch.Tensor) -> None:
    features = features.clone()
    before = pooled(features, "flatten")
    kept = before.clone()
    features.zero_()
    assert torch.equal(before, kept)


def test_a_map_as_wide_as_it_has_channels_has_its_channels_first() -> None:
    features = torch.arange(8.0).reshape(1, 2, 2, 2)
    assert torch.equal(pooled(features, "avg"), features.mean((2, 3)))


def test_where_images_are_not_square_no_axis_is_guessed() -> None:
    features = torch.arange(24.0).reshape(1, 2, 2, 6)
    assert pooled(features, "avg").shape == (1, 6)
    assert torch.equal(pooled(features, "avg", square=False), features.mean((2, 3)))
    tokens = torch.arange(10.0).reshape(1, 5, 2)
    assert torch.equal(pooled(tokens, "avg", square=False), tokens.mean(1))


def test_of_several_vectors_each_has_unit_length() -> None:
    both = side_by_side([torch.tensor([[3.0, 4.0], [0.0, 0.0]]), torch.tensor([[-2000.0], [1.0]])])
    np.testing.assert_allclose(both, [[0.6, 0.8, -1], [0, 0, 1]], rtol=1e-6)


def test_a_single_vector_stays_as_it_is() -> None:
    assert torch.equal(side_by_side([torch.tensor([[3.0, 4.0]])]), torch.tensor([[3.0, 4.0]]))


def test_half_floats_have_room_for_third_powers() -> None:
    features = torch.full((1, 2, 3, 3), 1000.0, dtype=torch.float16)
    np.testing.assert_allclose(pooled(features, "gem"), [[1000, 1000]], rtol=1e-5)
