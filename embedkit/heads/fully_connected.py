"""Fully connected heads: linear models and multilayer perceptrons, on torch."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from embedkit.heads.targets import classes_and_codes, standardised


class NetworkAsArrays:
    """For heads with a network of layers: copies and files of them hold it as plain arrays."""

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = dict(super().__getstate__())  # type: ignore[call-overload]
        if "network_" in state:
            weights = state["network_"].state_dict()
            state["network_"] = {name: tensor.cpu().numpy() for name, tensor in weights.items()}
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        import torch

        super().__setstate__(state)  # type: ignore[misc]
        if "network_" in state:
            weights = {name: torch.tensor(array) for name, array in state["network_"].items()}
            *_, bias = weights.values()
            with torch.random.fork_rng(devices=[]):
                network = layers(self, self.n_features_in_, len(bias))  # type: ignore[attr-defined]
            network.load_state_dict(weights)
            self.network_ = network.eval()


class FullyConnectedClassifier(NetworkAsArrays, ClassifierMixin, BaseEstimator):
    """Fully connected layers trained with cross-entropy.

    Parameters
    ----------
    hidden : tuple of int
        Widths of the hidden layers (ReLU); empty for softmax regression.
    dropout : float
        Share of hidden units dropped while training.
    label_smoothing : float
    weight_decay, learning_rate : float
        Of AdamW; the rate is the peak of a one-cycle schedule.
    steps, epochs : int
        At least so many steps and at least so many epochs: no labelled image is spent on early stopping.
    batch_size : int
    random_state : int, RandomState or None
        Initial weights, order and dropout.
    device : str

    Attributes
    ----------
    network_ : torch.nn.Sequential
    classes_ : ndarray of shape (n_classes,)
    loss_ : float
        Mean training loss of the last epoch.
    n_iter_ : int
        Steps taken.
    """

    def __init__(
        self,
        hidden: tuple[int, ...] = (),
        *,
        dropout: float = 0.0,
        label_smoothing: float = 0.0,
        weight_decay: float = 1e-2,
        learning_rate: float = 1e-2,
        steps: int = 300,
        epochs: int = 1,
        batch_size: int = 128,
        random_state: Any = None,
        device: str = "cpu",
    ) -> None:
        self.hidden = hidden
        self.dropout = dropout
        self.label_smoothing = label_smoothing
        self.weight_decay = weight_decay
        self.learning_rate = learning_rate
        self.steps = steps
        self.epochs = epochs
        self.batch_size = batch_size
        self.random_state = random_state
        self.device = device

    def fit(self, X: Any, y: Any) -> FullyConnectedClassifier:
        """Train on `X` (n, d) and `y` (n,)."""
        _train(self, self._lesson(X, y))
        return self

    def _lesson(self, X: Any, y: Any) -> Lesson:
        import torch

        X, y = validate_data(self, X, y, dtype=np.float32)
        self.classes_, codes = classes_and_codes(self, y)
        criterion = torch.nn.CrossEntropyLoss(label_smoothing=self.label_smoothing)
        return _lesson(self, X, torch.tensor(codes), len(self.classes_), criterion)

    def predict_proba(self, X: Any) -> np.ndarray:
        """Softmax probabilities, (n, n_classes), columns in the order of ``classes_``."""
        return _outputs(self, X).softmax(dim=1).cpu().numpy()

    def predict(self, X: Any) -> np.ndarray:
        """The most probable class of each row."""
        best = self.predict_proba(X).argmax(axis=1)
        return self.classes_[best]


class FullyConnectedRegressor(NetworkAsArrays, RegressorMixin, BaseEstimator):
    """Fully connected layers trained with the squared error.

    Targets are centred and divided by their standard deviation inside `fit`, so that their unit does not matter.

    Parameters
    ----------
    hidden : tuple of int
        Widths of the hidden layers (ReLU); empty for linear regression.
    dropout, weight_decay, learning_rate, steps, epochs, batch_size, random_state, device
        As in :class:`FullyConnectedClassifier`.

    Attributes
    ----------
    network_ : torch.nn.Sequential
        From rows to standardised targets.
    loss_ : float
        Mean squared error of the standardised targets over the last epoch of training.
    n_iter_ : int
        Steps taken.
    """

    def __init__(
        self,
        hidden: tuple[int, ...] = (),
        *,
        dropout: float = 0.0,
        weight_decay: float = 1e-2,
        learning_rate: float = 1e-2,
        steps: int = 300,
        epochs: int = 1,
        batch_size: int = 128,
        random_state: Any = None,
        device: str = "cpu",
    ) -> None:
        self.hidden = hidden
        self.dropout = dropout
        self.weight_decay = weight_decay
        self.learning_rate = learning_rate
        self.steps = steps
        self.epochs = epochs
        self.batch_size = batch_size
        self.random_state = random_state
        self.device = device

    def fit(self, X: Any, y: Any) -> FullyConnectedRegressor:
        """Train on `X` (n, d) and `y` (n,)."""
        _train(self, self._lesson(X, y))
        return self

    def _lesson(self, X: Any, y: Any) -> Lesson:
        import torch

        X, y = validate_data(self, X, y, dtype=np.float32, y_numeric=True)
        targets, self._mean, self._scale = standardised(y)
        return _lesson(self, X, torch.tensor(targets, dtype=torch.float32)[:, None], 1, torch.nn.MSELoss())

    def predict(self, X: Any) -> np.ndarray:
        """Predicted targets, (n,) float64."""
        standard = _outputs(self, X)[:, 0].double().cpu().numpy()
        return self._mean + self._scale * standard


class Lesson(NamedTuple):
    """What a head is about to learn."""

    inputs: Any
    """Tensor (n, d) on the head's device."""
    targets: Any
    """Tensor (n,) of class indices, or (n, 1) of numbers."""
    criterion: Any
    """From outputs and targets to the mean loss."""
    n_outputs: int
    seed: int
    steps: int


def _lesson(head: Any, X: np.ndarray, targets: Any, n_outputs: int, criterion: Any) -> Lesson:
    import torch

    seed = int(check_random_state(head.random_state).randint(2**31 - 1))
    steps = max(head.steps, head.epochs * math.ceil(len(X) / head.batch_size))
    return Lesson(torch.tensor(X, device=head.device), targets.to(head.device), criterion, n_outputs, seed, steps)


def _train(head: Any, lesson: Lesson) -> None:
    """Set ``network_``, ``loss_`` and ``n_iter_`` of a head."""

    def keep_loss(step: int, loss: float) -> None:
        head.loss_ = loss

    def batch_loss(batch: Any) -> Any:
        return lesson.criterion(network(lesson.inputs[batch]), lesson.targets[batch])

    with seeded(head, lesson):
        network = layers(head, lesson.inputs.shape[1], lesson.n_outputs)
        follow_schedule(head, lesson, network, batch_loss, keep_loss)
    head.network_, head.n_iter_ = network, lesson.steps


@contextmanager
def seeded(head: Any, lesson: Lesson) -> Iterator[None]:
    """Within, torch's chance comes from the seed of a lesson; afterwards it is as before."""
    import torch

    with torch.random.fork_rng(devices=[head.device] if head.device.startswith("cuda") else []):
        torch.manual_seed(lesson.seed)
        yield


def follow_schedule(
    head: Any, lesson: Lesson, network: Any, batch_loss: Any, after_epoch: Any = lambda step, loss: None
) -> None:
    """Train a network as the parameters of a head say."""
    import torch

    from embedkit.training import train

    train(
        network,
        batch_loss,
        len(lesson.inputs),
        steps=lesson.steps,
        batch_size=head.batch_size,
        learning_rate=head.learning_rate,
        weight_decay=head.weight_decay,
        generator=torch.Generator().manual_seed(lesson.seed),
        after_epoch=after_epoch,
    )


def layers(head: Any, n_inputs: int, n_outputs: int) -> Any:
    """The untrained network of a head, on its device."""
    from torch import nn

    from embedkit.heads.dropout import ByteDropout

    stack: list[nn.Module] = []
    widths = (n_inputs, *head.hidden)
    for width, following in pairwise(widths):
        stack += [nn.Linear(width, following), nn.ReLU(), ByteDropout(head.dropout)]
    output = nn.Linear(widths[-1], n_outputs)
    nn.init.zeros_(output.weight)  # with a label or two per class, random initial logits would never be unlearned
    nn.init.zeros_(output.bias)
    return nn.Sequential(*stack, output).to(head.device)


def _outputs(head: Any, X: Any) -> Any:
    """What the last layer gives for the rows, a tensor (n, n_outputs) on the head's device."""
    import torch

    check_is_fitted(head)
    X = validate_data(head, X, dtype=np.float32, reset=False)
    with torch.inference_mode():
        return head.network_(torch.tensor(X, device=head.device))
