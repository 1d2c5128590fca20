from __future__ import annotations

import math
from itertools import chain
from typing import Any

import pytest
import torch
from torch import nn

from embedkit import training
from embedkit.training import TrainingDiverged, one_cycle, train


class Recorder:
    """A line fitted to a line, which notes the batches and the learning rates that it saw."""

    def __init__(self, n: int = 10) -> None:
        torch.manual_seed(0)
        self.network = nn.Linear(1, 1)
        self.inputs = torch.linspace(-1, 1, n)[:, None]
        self.batches: list[list[int]] = []
        self.epochs: list[tuple[int, float]] = []

    def loss(self, batch: torch.Tensor) -> torch.Tensor:
        self.batches.append(batch.tolist())
        return ((self.network(self.inputs[batch]) - 3 * self.inputs[batch]) ** 2).mean()

    def train(self, seed: int = 0, **settings: Any) -> Recorder:
        train(
            self.network,
            self.loss,
            len(self.inputs),
            **{"steps": 30, "batch_size": 4, "learning_rate": 0.3, "weight_decay": 0.0} | settings,
            generator=torch.Generator().manual_seed(seed),
            after_epoch=lambda step, loss: self.epochs.append((step, loss)),
        )
        return self


@pytest.mark.parametrize(
    ("step", "rate"),
    [(0, 2 / 25), (15, (2 + 2 / 25) / 2), (30, 2.0), (65, (2 + 2e-5) / 2), (100, 2e-5)],
)
def test_one_cycle_rises_for_three_tenths_and_falls_for_the_rest(step: int, rate: float) -> None:
    assert one_cycle(step, 100, 2.0) == pytest.approx(rate, rel=1e-12)


def test_one_cycle_is_a_cosine_between_its_turning_points() -> None:
    assert one_cycle(10, 100, 1.0) == pytest.approx(0.04 + 0.96 * (1 - math.cos(math.pi / 3)) / 2)


@pytest.mark.parametrize("steps", [1, 2, 3, 7, 8])
def test_exactly_as_many_steps_as_asked_where_n_is_no_multiple_of_the_batch(steps: int) -> None:
    assert len(Recorder(n=10).train(steps=steps).batches) == steps


def test_every_epoch_visits_every_example_once_in_a_new_order() -> None:
    batches = Recorder(n=10).train(steps=6).batches
    first, second = list(chain(*batches[:3])), list(chain(*batches[3:]))
    assert [len(batch) for batch in batches] == [4, 4, 2, 4, 4, 2]
    assert sorted(first) == sorted(second) == list(range(10))
    assert first != second


def test_after_epoch_is_told_steps_and_mean_loss() -> None:
    recorder = Recorder(n=8)
    before = recorder.loss(torch.arange(8)).item()
    recorder.train(steps=5, batch_size=8)
    assert [step for step, _ in recorder.epochs] == [1, 2, 3, 4, 5]
    assert recorder.epochs[0][1] == pytest.approx(before)


def test_first_step_moves_a_parameter_by_the_first_learning_rate() -> None:
    recorder = Recorder()
    before = recorder.network.weight.item()
    recorder.train(steps=1, learning_rate=0.5)
    assert recorder.network.weight.item() - before == pytest.approx(0.5 / 25, rel=1e-4)  # Adam's first step is the rate


def test_a_line_is_found() -> None:
    network = Recorder().train(steps=300).network
    assert network.weight.item() == pytest.approx(3, abs=1e-3)
    assert network.bias.item() == pytest.approx(0, abs=1e-3)


def test_the_same_seed_gives_the_same_network_bit_for_bit() -> None:
    first, second, other = (Recorder().train(seed).network.weight.item() for seed in (1, 1, 2))
    assert first == second
    assert first != other


def test_the_network_is_left_in_evaluation_mode_and_trained_in_training_mode() -> None:
    network, modes = nn.Sequential(nn.Linear(1, 1), nn.Dropout(0.5)).eval(), []

    def loss(batch: torch.Tensor) -> torch.Tensor:
        modes.append(network.training)
        return network(torch.ones(len(batch), 1)).sum()

    train(network, loss, 4, steps=2, batch_size=4, learning_rate=0.1, weight_decay=0, generator=torch.Generator())
    assert modes == [True, True]
    assert not any(module.training for module in network.modules())


def test_parameters_without_gradient_stay_as_they_are() -> None:
    recorder = Recorder()
    recorder.network.bias.requires_grad_(False)
    before = recorder.network.bias.item()
    recorder.train(steps=3)
    assert recorder.network.bias.item() == before


def test_groups_of_parameters_have_their_share_of_the_rate() -> None:
    recorder = Recorder()
    weight, bias = recorder.network.weight, recorder.network.bias
    before = weight.item(), bias.item()
    groups = [{"params": [weight], "rate": 0.1}, {"params": [bias]}]
    recorder.train(steps=1, learning_rate=0.5, groups=groups)
    assert weight.item() - before[0] == pytest.approx(0.05 / 25, rel=1e-4)
    assert abs(bias.item() - before[1]) == pytest.approx(0.5 / 25, rel=1e-3)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_stops_training_and_names_the_step(value: float) -> None:
    recorder, calls = Recorder(n=8), []

    def loss(batch: torch.Tensor) -> torch.Tensor:
        calls.append(batch)
        return recorder.loss(batch) * (value if len(calls) >= 6 else 1)

    with pytest.raises(TrainingDiverged, match=rf"became {value} at step 6 of 20; lower the learning rate"):
        train(
            recorder.network,
            loss,
            8,
            steps=20,
            batch_size=4,
            learning_rate=0.1,
            weight_decay=0,
            generator=torch.Generator(),
        )


def test_the_loss_curve_is_what_after_epoch_is_told() -> None:
    recorder = Recorder(n=8)
    curve = train(
        recorder.network,
        recorder.loss,
        8,
        steps=5,
        batch_size=4,
        learning_rate=0.1,
        weight_decay=0,
        generator=torch.Generator(),
        after_epoch=lambda step, loss: recorder.epochs.append((step, loss)),
    )
    assert curve == recorder.epochs
    assert [step for step, _ in curve] == [2, 4, 5]


def test_batches_may_be_something_else_than_indices() -> None:
    network, seen = nn.Linear(1, 1), []

    def loss(batch: str) -> torch.Tensor:
        seen.append(batch)
        return network.weight.sum()

    train(
        network,
        loss,
        3,
        steps=2,
        batch_size=3,
        learning_rate=0.1,
        weight_decay=0,
        generator=torch.Generator(),
        batches=lambda indices: ["+".join(map(str, batch.tolist())) for batch in indices],
    )
    assert seen == ["0+1+2", "0+1+2"]


@pytest.mark.parametrize(("precision", "computed"), [("float32", torch.float32), ("bfloat16", torch.bfloat16)])
def test_products_are_computed_in_the_precision_and_weights_are_kept_in_32_bits(
    precision: Any, computed: torch.dtype
) -> None:
    network, seen = nn.Linear(2, 1), []

    def loss(batch: torch.Tensor) -> torch.Tensor:
        output = network(torch.ones(len(batch), 2))
        seen.append(output.dtype)
        return output.float().square().mean()

    settings: dict[str, Any] = {"steps": 1, "batch_size": 4, "learning_rate": 0.1, "weight_decay": 0}
    train(network, loss, 4, **settings, generator=torch.Generator(), precision=precision)
    assert seen == [computed]
    assert network.weight.dtype == torch.float32


def test_within_a_long_epoch_the_last_loss_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    recorder, told = Recorder(n=12), []
    clock = iter(range(0, 100, 2))
    monkeypatch.setattr(training.time, "monotonic", lambda: next(clock))
    settings: dict[str, Any] = {"steps": 6, "batch_size": 2, "learning_rate": 0.1, "weight_decay": 0}
    generator = torch.Generator()
    train(
        recorder.network, recorder.loss, 12, **settings, generator=generator, meanwhile=lambda *news: told.append(news)
    )
    assert [step for step, _ in told] == [3, 6]
