from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import log_loss
from sklearn.utils.estimator_checks import parametrize_with_checks

from embedkit.heads.fully_connected import FullyConnectedClassifier, FullyConnectedRegressor


@pytest.fixture
def overlapping() -> tuple[np.ndarray, np.ndarray]:
    """Three clusters (150, 2) float32 that no line separates."""
    rng = np.random.default_rng(0)
    y = np.arange(150) % 3
    return (np.array([[0, 0], [1, 0], [0, 1]])[y] + rng.normal(size=(150, 2))).astype(np.float32), y


@parametrize_with_checks(
    [
        FullyConnectedClassifier(steps=60, random_state=0),
        FullyConnectedClassifier((8,), steps=60, random_state=0),
        FullyConnectedRegressor(learning_rate=0.1, steps=60, random_state=0),
        FullyConnectedRegressor((8,), steps=60, random_state=0),
    ]
)
def test_it_keeps_the_contract_of_scikit_learn(estimator: Any, check: Any) -> None:
    check(estimator)


def test_without_hidden_layers_it_is_logistic_regression(overlapping: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = overlapping
    ours = FullyConnectedClassifier(learning_rate=0.1, weight_decay=0, batch_size=150, random_state=0).fit(X, y)
    theirs = LogisticRegression(C=np.inf).fit(X, y)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=2e-3)


def test_loss_is_the_log_loss_of_the_training_rows(overlapping: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = overlapping
    head = FullyConnectedClassifier(learning_rate=0.1, batch_size=150, random_state=0).fit(X, y)
    assert head.loss_ == pytest.approx(log_loss(y, head.predict_proba(X)), abs=1e-4)


@pytest.mark.parametrize("hidden", [(), (16,)])
def test_before_training_all_classes_are_equally_likely(hidden: tuple[int, ...]) -> None:
    X = np.random.default_rng(0).normal(size=(8, 5)) * 100
    head = FullyConnectedClassifier(hidden, steps=1, learning_rate=1e-12, random_state=0).fit(X, np.arange(8) % 4)
    np.testing.assert_allclose(head.predict_proba(X), 0.25, rtol=1e-5)


@pytest.mark.parametrize("smoothing", [0.1, 0.3])
def test_label_smoothing_is_the_doubt_that_is_left_on_separable_rows(smoothing: float) -> None:
    X, y = [[-1.0], [1.0]] * 4, [0, 1] * 4
    head = FullyConnectedClassifier(label_smoothing=smoothing, learning_rate=0.3, weight_decay=0, random_state=0)
    np.testing.assert_allclose(head.fit(X, y).predict_proba([[1.0]])[0, 1], 1 - smoothing / 2, atol=1e-3)


def test_it_trains_for_the_larger_of_steps_and_epochs(overlapping: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = overlapping
    weights = {
        (steps, epochs): FullyConnectedClassifier(steps=steps, epochs=epochs, batch_size=50, random_state=0)
        .fit(X, y)
        .network_[0]
        .weight.detach()
        .numpy()
        for steps, epochs in ((9, 1), (1, 3), (4, 1))
    }
    np.testing.assert_array_equal(weights[9, 1], weights[1, 3])
    assert FullyConnectedClassifier(steps=1, epochs=3, batch_size=50).fit(X, y).n_iter_ == 9
    assert not np.array_equal(weights[9, 1], weights[4, 1])


def test_a_hidden_layer_learns_what_a_line_cannot() -> None:
    X, y = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], ["even", "odd", "odd", "even"]
    head = FullyConnectedClassifier((32,), learning_rate=3e-2, random_state=0).fit(X, y)
    np.testing.assert_array_equal(head.predict(X), y)


def test_layers_have_the_widths_asked_for() -> None:
    head = FullyConnectedClassifier((7, 3), steps=1, random_state=0).fit(np.eye(5), range(5))
    linear = [tuple(layer.weight.shape) for layer in head.network_ if isinstance(layer, torch.nn.Linear)]
    assert linear == [(7, 5), (3, 7), (5, 3)]


def test_dropout_is_on_while_training(overlapping: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = overlapping
    heads = (FullyConnectedClassifier((16,), dropout=dropout, steps=20, random_state=0) for dropout in (0, 0.5))
    without, dropped = (head.fit(X, y).predict_proba(X) for head in heads)
    assert not np.allclose(without, dropped, atol=1e-3)


def test_dropout_is_off_when_predicting(overlapping: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = overlapping
    head = FullyConnectedClassifier((16,), dropout=0.9, steps=5, learning_rate=0.1, random_state=0).fit(X, y)
    np.testing.assert_array_equal(head.predict_proba(X), head.predict_proba(X))


def test_weight_decay_shrinks_the_weights(overlapping: tuple[np.ndarray, np.ndarray]) -> None:
    free, decayed = (
        FullyConnectedClassifier(weight_decay=decay, learning_rate=0.1, random_state=0).fit(*overlapping).network_[0]
        for decay in (0, 5)
    )
    assert decayed.weight.norm() < 0.7 * free.weight.norm()


@pytest.mark.parametrize("batch_size", [150, 16])
def test_the_seed_alone_decides(overlapping: tuple[np.ndarray, np.ndarray], batch_size: int) -> None:
    X, y = overlapping

    def trained(seed: int, elsewhere: int) -> np.ndarray:
        torch.manual_seed(elsewhere)
        head = FullyConnectedClassifier((8,), dropout=0.5, steps=20, batch_size=batch_size, random_state=seed)
        return head.fit(X, y).predict_proba(X)

    np.testing.assert_array_equal(trained(seed=0, elsewhere=1), trained(seed=0, elsewhere=2))
    assert not np.array_equal(trained(seed=0, elsewhere=1), trained(seed=1, elsewhere=1))


def test_global_random_states_are_left_alone(overlapping: tuple[np.ndarray, np.ndarray]) -> None:
    of_torch, of_numpy = torch.get_rng_state(), np.random.get_state()[1].copy()
    FullyConnectedClassifier((8,), dropout=0.5, steps=5, random_state=0).fit(*overlapping)
    assert torch.equal(torch.get_rng_state(), of_torch)
    np.testing.assert_array_equal(np.random.get_state()[1], of_numpy)


def test_rows_that_may_not_be_written_are_taken_without_a_warning(overlapping: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = overlapping
    X.setflags(write=False)
    FullyConnectedClassifier(steps=1).fit(X, y).predict(X)


def test_one_class_is_an_error() -> None:
    with pytest.raises(ValueError, match="needs at least 2 classes; y holds one class"):
        FullyConnectedClassifier().fit([[0.0], [1.0]], ["a", "a"])


@pytest.fixture
def sloping() -> tuple[np.ndarray, np.ndarray]:
    """Rows (80, 3) float32 and targets that are linear in them but for noise."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 3)).astype(np.float32)
    return X, X @ [3.0, -1.0, 0.5] + 2 + 0.3 * rng.normal(size=80)


def test_without_hidden_layers_the_regressor_is_linear_regression(sloping: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = sloping
    ours = FullyConnectedRegressor(learning_rate=0.1, weight_decay=0, random_state=0).fit(X, y)
    np.testing.assert_allclose(ours.predict(X), LinearRegression().fit(X, y).predict(X), atol=5e-3)


def test_loss_of_the_regressor_is_the_share_of_the_variance_that_is_left(
    sloping: tuple[np.ndarray, np.ndarray],
) -> None:
    X, y = sloping
    head = FullyConnectedRegressor(learning_rate=0.1, random_state=0).fit(X, y)
    assert head.loss_ == pytest.approx(1 - head.score(X, y), abs=1e-4)


@pytest.mark.parametrize("hidden", [(), (16,)])
def test_before_training_the_mean_is_predicted(sloping: tuple[np.ndarray, np.ndarray], hidden: tuple[int, ...]) -> None:
    X, y = sloping
    head = FullyConnectedRegressor(hidden, steps=1, learning_rate=1e-12, random_state=0).fit(100 * X, y)
    np.testing.assert_allclose(head.predict(100 * X), y.mean(), rtol=1e-5)


def test_the_unit_of_the_target_does_not_matter(sloping: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = sloping
    plain, other = (FullyConnectedRegressor((8,), steps=50, random_state=0).fit(X, t) for t in (y, 1000 * y - 1e5))
    np.testing.assert_allclose((other.predict(X) + 1e5) / 1000, plain.predict(X), atol=1e-2)


def test_equal_targets_are_predicted() -> None:
    head = FullyConnectedRegressor(steps=5, random_state=0).fit(np.eye(3), [7.0, 7.0, 7.0])
    np.testing.assert_allclose(head.predict(np.eye(3)), 7, rtol=1e-6)


def test_a_hidden_layer_learns_a_curve() -> None:
    X = np.linspace(-1, 1, 40)[:, None]
    head = FullyConnectedRegressor((64,), learning_rate=3e-2, random_state=0).fit(X, X[:, 0] ** 2)
    assert head.score(X, X[:, 0] ** 2) > 0.99


@pytest.mark.gpu
def test_on_a_gpu_it_predicts_as_on_a_cpu(overlapping: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = overlapping
    cpu, gpu = (FullyConnectedClassifier((), random_state=0, device=device).fit(X, y) for device in ("cpu", "cuda"))
    np.testing.assert_allclose(gpu.predict_proba(X), cpu.predict_proba(X), atol=1e-3)


@pytest.mark.gpu
def test_on_a_gpu_the_regressor_predicts_as_on_a_cpu(sloping: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = sloping
    cpu, gpu = (FullyConnectedRegressor((), random_state=0, device=device).fit(X, y) for device in ("cpu", "cuda"))
    np.testing.assert_allclose(gpu.predict(X), cpu.predict(X), atol=1e-3)
