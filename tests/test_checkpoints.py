from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from embedkit.checkpoints import Checkpoint, Curve
from embedkit.training import TrainingDiverged, train


class Lesson:
    """A small convolutional network, channels last, that learns noise; each step draws from a chance of its own."""

    def __init__(self, file: Path, every_s: float = 0.0) -> None:
        torch.manual_seed(3)
        layers = nn.Conv2d(2, 4, 3), nn.GELU(), nn.Flatten(), nn.Linear(4 * 9, 1)
        self.network = nn.Sequential(*layers).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.images = torch.rand(12, 2, 5, 5)
        self.chance = torch.Generator().manual_seed(5)
        self.checkpoint = Checkpoint(file, {"noise": self.chance}, every_s)
        self.begun = 0

    def train(self, stop_at: int | None = None, poison_at: int | None = None) -> Curve:
        def loss(batch: torch.Tensor) -> torch.Tensor:
            self.begun += 1
            if self.begun == stop_at:
                raise KeyboardInterrupt
            noise = torch.randn(self.images[batch].shape, generator=self.chance)
            wrong = float("nan") if self.begun == poison_at else 1.0
            return (self.network(self.images[batch] + noise) - 1).square().mean() * wrong

        return train(
            self.network,
            loss,
            len(self.images),
            steps=20,
            batch_size=4,
            learning_rate=0.01,
            weight_decay=0.01,
            generator=torch.Generator().manual_seed(1),
            checkpoint=self.checkpoint,
        )

    def weights(self) -> torch.Tensor:
        return torch.cat([parameter.detach().flatten() for parameter in self.network.parameters()])


@pytest.mark.parametrize("stop_at", [1, 5, 11, 20])
def test_a_killed_training_ends_at_the_weights_of_one_that_was_not(tmp_path: Path, stop_at: int) -> None:
    whole = Lesson(tmp_path / "whole")
    curve = whole.train()
    with pytest.raises(KeyboardInterrupt):
        Lesson(tmp_path / "stopped").train(stop_at=stop_at)
    resumed = Lesson(tmp_path / "stopped")
    assert resumed.train() == curve
    assert torch.equal(resumed.weights(), whole.weights())
    assert resumed.begun == 20 - (stop_at - 1) // 3 * 3  # epochs of 3 steps


def test_a_training_that_is_done_is_not_repeated(tmp_path: Path) -> None:
    first, again = Lesson(tmp_path / "done"), Lesson(tmp_path / "done")
    assert first.train() == again.train()
    assert again.begun == 0
    assert torch.equal(again.weights(), first.weights())


def test_a_checkpoint_changes_nothing(tmp_path: Path) -> None:
    often, once = Lesson(tmp_path / "often"), Lesson(tmp_path / "once", every_s=1e9)
    often.train()
    once.train()
    assert torch.equal(often.weights(), once.weights())


def test_it_is_written_when_it_is_time_to(tmp_path: Path) -> None:
    lesson = Lesson(tmp_path / "file", every_s=1e9)
    with pytest.raises(KeyboardInterrupt):
        lesson.train(stop_at=20)
    assert list(tmp_path.iterdir()) == []
    lesson.train()
    assert [file.name for file in tmp_path.iterdir()] == ["file"]


def test_a_damaged_file_is_as_none(tmp_path: Path) -> None:
    whole = Lesson(tmp_path / "whole")
    whole.train()
    (tmp_path / "damaged").write_bytes((tmp_path / "whole").read_bytes()[:-3])
    fresh = Lesson(tmp_path / "damaged")
    fresh.train()
    assert fresh.begun == 20
    assert torch.equal(fresh.weights(), whole.weights())


def test_a_loss_that_is_no_number_leaves_the_last_good_state(tmp_path: Path) -> None:
    file = tmp_path / "file"
    told = (
        rf"became nan at step 8 of 20; lower the learning rate \(it is 0.01\); the state after step 6 is kept in {file}"
    )
    with pytest.raises(TrainingDiverged, match=told):
        Lesson(file).train(poison_at=8)
    resumed = Lesson(file)
    resumed.train()
    assert resumed.begun == 14


def test_before_the_first_state_there_is_none_to_keep(tmp_path: Path) -> None:
    with pytest.raises(
        TrainingDiverged, match=r"at step 2 of 20; lower the learning rate .*; no state was kept before"
    ):
        Lesson(tmp_path / "file").train(poison_at=2)
    assert list(tmp_path.iterdir()) == []
