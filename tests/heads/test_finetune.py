"""Fine-tuning: the layer first, then all; what the network knows is not lost on the way."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.base import is_classifier, is_regressor
from sklearn.exceptions import NotFittedError
from torch import nn

from embedkit.backbones import Network, Preprocessing
from embedkit.errors import EmbedkitError
from embedkit.heads import make_head, retraining
from embedkit.heads.finetune import FineTunedClassifier, FineTunedRegressor
from embedkit.heads.retraining import Retrained, embedded, never_one_left, scaled, varied
from embedkit.training import TrainingDiverged

SIDE = 6
AS_PIXELS = Preprocessing(SIDE, SIDE, "bilinear", (0.5, 0.5, 0.5), (0.25, 0.25, 0.25))


def net(blind_to: int | None = None, norm: bool = False) -> Network:
    """A convolution whose embedding is a mean over the image; blind to one channel of the input."""
    torch.manual_seed(0)
    convolution = nn.Conv2d(3, 8, 3)
    if blind_to is not None:
        convolution.weight.data[:, blind_to] = 0
    layers = [convolution, nn.BatchNorm2d(8)] if norm else [convolution]
    return Network(nn.Sequential(*layers, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval(), AS_PIXELS)


def photos(n: int, channel: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Noise (n, 3, 6, 6) uint8, and labels (n,) that only one channel's brightness tells."""
    rng = np.random.default_rng(seed)
    X, y = rng.integers(0, 200, (n, 3, SIDE, SIDE)), np.arange(n) % 2
    X[:, channel] = rng.integers(0, 100, (n, SIDE, SIDE)) + 60 * y[:, None, None]
    return X.astype(np.uint8), y


def weights(module: nn.Module) -> list[np.ndarray]:
    return [tensor.detach().numpy().copy() for tensor in module.state_dict().values()]


def classifier(network: Network, **params: Any) -> FineTunedClassifier:
    return FineTunedClassifier(network, **{"steps": 60, "epochs": 1, "random_state": 0} | params)


def test_at_a_rate_of_almost_nothing_it_is_the_linear_head_on_the_frozen_network() -> None:
    (X, y), (queries, _) = photos(30, 0), photos(40, 0, seed=1)
    network = net()
    tuned = classifier(network, learning_rate=1e-12, weight_decay=0).fit(X, y)
    seed = np.random.RandomState(0).randint(2**31 - 1)
    linear = make_head("linear", seed).fit(embedded(network, X, "cpu"), y)
    expected = linear.predict_proba(embedded(network, queries, "cpu"))
    np.testing.assert_allclose(tuned.predict_proba(queries), expected, atol=1e-5)


def test_embeddings_are_those_of_the_normalised_images() -> None:
    X, _ = photos(5, 0)
    network = net()
    with torch.inference_mode():
        expected = network.module((torch.tensor(X) / 255 - 0.5) / 0.25)
    np.testing.assert_allclose(embedded(network, X, "cpu"), expected, rtol=1e-4, atol=1e-5)


def test_the_network_learns_to_see_what_it_was_blind_to() -> None:
    (X, y), (queries, truth) = photos(60, 1), photos(100, 1, seed=1)
    network = net(blind_to=1)
    frozen = make_head("linear").fit(embedded(network, X, "cpu"), y).predict(embedded(network, queries, "cpu"))
    tuned = classifier(network, learning_rate=1e-2, steps=200).fit(X, y).predict(queries)
    assert (frozen == truth).mean() < 0.65
    assert (tuned == truth).mean() > 0.95


def test_the_network_that_is_given_stays_as_it_is() -> None:
    network = net(norm=True)
    before = weights(network.module)
    tuned = classifier(network).fit(*photos(20, 0))
    assert all(np.array_equal(a, b) for a, b in zip(before, weights(network.module), strict=True))
    assert not np.array_equal(before[0], weights(tuned.network_.encoder)[0])


def test_predictions_are_those_of_the_trained_network() -> None:
    (X, y), (queries, _) = photos(20, 0), photos(300, 0, seed=1)
    tuned = classifier(net(norm=True), epochs=3).fit(X, y)
    with torch.inference_mode():
        expected = tuned.network_(torch.tensor(queries)).softmax(dim=1)
    np.testing.assert_allclose(tuned.predict_proba(queries), expected, atol=1e-4)
    np.testing.assert_array_equal(tuned.predict(queries), expected.argmax(dim=1))
    assert tuned.n_bytes_ == sum(tensor.nbytes for tensor in tuned.network_.state_dict().values())
    assert tuned.n_iter_ == 60


def test_statistics_that_a_network_comes_with_stay_and_others_are_learnt() -> None:
    X, y = photos(20, 0)
    network = net(norm=True)
    fresh = classifier(network).fit(X, y).network_.encoder[1]
    assert fresh.running_mean.any()
    network.module[1].running_mean.fill_(0.25)  # type: ignore[index,operator,union-attr]
    kept = classifier(network).fit(X, y).network_.encoder[1]
    assert kept.running_mean.tolist() == [0.25] * 8
    assert (kept.running_var == 1).all()


@pytest.mark.parametrize(("params", "share"), [({}, 0.25), ({"weights": "pool"}, 1), ({"encoder_rate": 0.5}, 0.5)])
def test_the_network_has_a_rate_of_its_own(params: dict[str, Any], share: float) -> None:
    """Adam's first step is the rate, here a 25th of the peak; where no gradient comes, weights stay."""
    X, y = photos(20, 0)
    tuned = classifier(net(), learning_rate=1e-3, weight_decay=0, steps=1, **params)
    seed = np.random.RandomState(0).randint(2**31 - 1)
    first = make_head("linear", seed).fit(embedded(tuned.network, X, "cpu"), y)
    tuned.fit(X, y)
    start = Retrained(tuned.network, *(step for _, step in first.steps))
    for part, rate in (("encoder", share * 1e-3), ("output", 1e-3)):
        pairs = zip(weights(getattr(tuned.network_, part)), weights(getattr(start, part)), strict=True)
        assert max(np.abs(after - before).max() for after, before in pairs) == pytest.approx(rate / 25, rel=0.02)


def test_the_seed_decides_all() -> None:
    (X, y), (queries, _) = photos(20, 0), photos(50, 0, seed=1)
    varied_training = {"shift": 0.2, "flip": True}
    first, same, other = (
        classifier(net(), random_state=seed, **varied_training).fit(X, y).predict_proba(queries) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, same)
    assert not np.array_equal(first, other)


def test_labels_of_any_kind_come_back() -> None:
    X, y = photos(20, 0)
    tuned = classifier(net()).fit(X, np.array(["wolf", "ant"])[y])
    assert is_classifier(tuned)
    assert list(tuned.classes_) == ["ant", "wolf"]
    assert set(tuned.predict(X)) == {"ant", "wolf"}


def test_numbers_are_predicted_whatever_their_unit() -> None:
    (X, y), (queries, truth) = photos(60, 1), photos(100, 1, seed=1)
    params = {"learning_rate": 5e-3, "steps": 200, "epochs": 1, "random_state": 0}
    plain, other = (FineTunedRegressor(net(blind_to=1), **params).fit(X, of) for of in (y, 1000.0 * y + 5))
    assert is_regressor(plain)
    assert np.abs(plain.predict(queries) - truth).mean() < 0.2
    np.testing.assert_allclose((other.predict(queries) - 5) / 1000, plain.predict(queries), atol=1e-3)


def test_equal_numbers_are_predicted_as_they_are() -> None:
    X, _ = photos(10, 0)
    assert FineTunedRegressor(net(), steps=5).fit(X, np.full(10, 7.5)).predict(X).tolist() == [7.5] * 10


def deep_net(*after_first: nn.Module) -> Network:
    """Eight convolutions, through which differences between images fade, and a mean over the image."""
    torch.manual_seed(0)
    layers: list[nn.Module] = [nn.Conv2d(3, 8, 3, padding=1), *after_first, nn.ReLU()]
    for _ in range(7):
        layers += [nn.Conv2d(8, 8, 3, padding=1), nn.ReLU()]
    return Network(nn.Sequential(*layers, nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(32, 4)).eval(), AS_PIXELS)


def test_layers_of_a_scaled_network_give_outputs_of_mean_0_and_variance_1() -> None:
    X, _ = photos(20, 0)
    network = deep_net()
    assert embedded(network, X, "cpu").std(axis=0).max() < 1e-3
    module = scaled(network, X).module
    pixels = AS_PIXELS.normalise(torch.from_numpy(X))
    with torch.no_grad():
        for layer in module:
            pixels = layer(pixels)
            if isinstance(layer, nn.Conv2d | nn.Linear):
                means = pixels.transpose(0, 1).flatten(1).mean(dim=1)
                np.testing.assert_allclose(means, 0, atol=1e-4)
                assert float(pixels.var(correction=0)) == pytest.approx(1, rel=1e-3)


def test_the_network_that_is_scaled_is_a_copy() -> None:
    X, _ = photos(20, 0)
    network = deep_net()
    before = weights(network.module)
    assert scaled(network, X).module is not network.module
    for kept, now in zip(before, weights(network.module), strict=True):
        np.testing.assert_array_equal(kept, now)


def test_networks_that_normalise_or_in_which_images_do_not_fade_stay_as_they_are() -> None:
    X, _ = photos(20, 0)
    for network in (deep_net(nn.BatchNorm2d(8)), net()):
        assert scaled(network, X) is network
    assert embedded(net(), X, "cpu").std(axis=0).mean() > 0.01


def test_equal_images_leave_scales_as_they_are() -> None:
    X = np.full((3, 3, SIDE, SIDE), 255, dtype=np.uint8)
    flat = Network(nn.Sequential(nn.Flatten(), nn.Linear(3 * SIDE * SIDE, 4)).eval(), AS_PIXELS)
    module = scaled(flat, X).module
    np.testing.assert_array_equal(weights(module)[0], weights(flat.module)[0])
    np.testing.assert_allclose(embedded(scaled(flat, X), X, "cpu"), 0, atol=1e-5)


def test_a_deep_network_without_weights_learns() -> None:
    (X, y), (queries, truth) = photos(60, 1), photos(100, 1, seed=1)
    tuned = classifier(deep_net(), weights="none", steps=100).fit(X, y)
    assert (tuned.predict(X) == y).all()
    assert (tuned.predict(queries) == truth).mean() > 0.95


@pytest.mark.parametrize(
    ("params", "n", "steps"),
    [
        ({}, 33, 200),
        ({"weights": "none"}, 33, 400),
        ({"steps": 5}, 33, 5),
        ({"steps": 5, "epochs": 3}, 33, 6),
    ],
)
def test_at_least_so_many_steps_and_epochs(params: dict[str, Any], n: int, steps: int) -> None:
    tuned = FineTunedClassifier(net(), **{"epochs": 1, "random_state": 0} | params).fit(*photos(n, 0))
    assert tuned.n_iter_ == steps


def test_by_default_images_are_shifted_for_classes_and_not_for_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    shifts = []

    def noted(images: torch.Tensor, shift: float, flip: bool) -> torch.Tensor:
        shifts.append((shift, flip))
        return images

    monkeypatch.setattr(retraining, "varied", noted)
    for built in (FineTunedClassifier, FineTunedRegressor):
        built(net(), steps=1, epochs=1).fit(*photos(8, 0))
    assert shifts == [(0.1, False), (0.0, False)]


def test_training_that_diverges_says_so() -> None:
    with pytest.raises(TrainingDiverged, match="lower the learning rate"):
        classifier(net(), learning_rate=1e30).fit(*photos(20, 0))


def test_it_must_be_fitted_first() -> None:
    with pytest.raises(NotFittedError):
        classifier(net()).predict(photos(2, 0)[0])


@pytest.mark.parametrize(
    ("n", "asked", "size"), [(64, 32, 32), (33, 32, 33), (65, 32, 33), (1057, 32, 34), (1, 32, 32)]
)
def test_no_image_is_left_alone_in_a_batch(n: int, asked: int, size: int) -> None:
    assert never_one_left(n, asked) == size


def test_a_single_image_over_a_multiple_of_the_batch_does_not_break_batch_normalisation() -> None:
    network = Network(nn.Sequential(nn.Flatten(), nn.Linear(3 * SIDE**2, 4), nn.BatchNorm1d(4)).eval(), AS_PIXELS)
    classifier(network, epochs=1, steps=2).fit(*photos(33, 0))


def test_shifted_images_repeat_their_borders() -> None:
    torch.manual_seed(0)
    image = torch.arange(16, dtype=torch.uint8).view(1, 1, 4, 4).expand(200, 2, 4, 4)
    found = {tuple(shifted[0].flatten().tolist()) for shifted in varied(image, 0.25, flip=False)}
    padded = nn.functional.pad(image[:1].float(), (1, 1, 1, 1), mode="replicate")[0, 0]
    expected = {tuple(padded[dy : dy + 4, dx : dx + 4].flatten().int().tolist()) for dy in range(3) for dx in range(3)}
    assert found == expected


def test_half_of_the_images_are_flipped() -> None:
    torch.manual_seed(0)
    image = torch.tensor([[1, 2], [3, 4]], dtype=torch.uint8).view(1, 1, 2, 2).expand(400, 1, 2, 2)
    flipped = [turned.flatten().tolist() for turned in varied(image, 0.0, flip=True)]
    assert {tuple(pixels) for pixels in flipped} == {(1, 2, 3, 4), (2, 1, 4, 3)}
    assert 150 < flipped.count([2, 1, 4, 3]) < 250


def test_without_variation_images_are_as_they_are() -> None:
    image = torch.rand(3, 3, 4, 4)
    assert varied(image, 0.0, flip=False) is image


def test_it_is_no_head_on_embeddings() -> None:
    with pytest.raises(EmbedkitError, match="finetune trains a network on images and not on embeddings: name it among"):
        make_head("finetune")


def test_it_is_no_member_of_heads_on_embeddings() -> None:
    with pytest.raises(EmbedkitError, match="finetune trains on images, and best works on embeddings; leave it out"):
        make_head("best(heads=[svm, finetune])")


@pytest.mark.gpu
def test_on_a_gpu_it_learns_the_same_again() -> None:
    (X, y), (queries, truth) = photos(60, 1), photos(100, 1, seed=1)
    tuned = [
        FineTunedClassifier(
            Network(net(blind_to=1).module.cuda(), AS_PIXELS),
            steps=200,
            learning_rate=1e-2,
            random_state=0,
            device="cuda",
        ).fit(X, y)
        for _ in range(2)
    ]
    assert (tuned[0].predict(queries) == truth).mean() > 0.95
    np.testing.assert_array_equal(*(each.predict_proba(queries) for each in tuned))
