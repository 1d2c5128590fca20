"""Fully connected heads: linear models and multilayer perceptrons, on torch."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from embedkit.heads.targets import classes_and_codes, standardised


class FullyConnectedClassifier(ClassifierMixin, BaseEstimator):
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
        import torch

        X, y = validate_data(self, X, y, dtype=np.float32)
        self.classes_, codes = classes_and_codes(self, y)
        criterion = torch.nn.CrossEntropyLoss(label_smoothing=self.label_smoothing)
        _train(self, X, torch.tensor(codes), len(self.classes_), criterion)
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Softmax probabilities, (n, n_classes), columns in the order of ``classes_``."""
        return _outputs(self, X).softmax(dim=1).cpu().numpy()

    def predict(self, X: Any) -> np.ndarray:
        """The most probable class of each row."""
        best = self.predict_proba(X).argmax(axis=1)
        return self.classes_[best]


class FullyConnectedRegressor(RegressorMixin, BaseEstimator):
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
        import torch

        X, y = validate_data(self, X, y, dtype=np.float32, y_numeric=True)
        targets, self._mean, self._scale = standardised(y)
        _train(self, X, torch.tensor(targets, dtype=torch.float32)[:, None], 1, torch.nn.MSELoss())
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Predicted targets, (n,) float64."""
        standard = _outputs(self, X)[:, 0].double().cpu().numpy()
        return self._mean + self._scale * standard


def _train(head: Any, X: np.ndarray, targets: Any, n_outputs: int, criterion: Any) -> None:
    """Set ``network_``, ``loss_`` and ``n_iter_`` of a head."""
    import torch

    from embedkit.training import train

    seed = int(check_random_state(head.random_state).randint(2**31 - 1))
    inputs, targets = torch.tensor(X, device=head.device), targets.to(head.device)
    head.n_iter_ = max(head.steps, head.epochs * math.ceil(len(X) / head.batch_size))

    def keep_loss(step: int, loss: float) -> None:
        head.loss_ = loss

    with torch.random.fork_rng(devices=[head.device] if head.device != "cpu" else []):
        torch.manual_seed(seed)
        network = _layers(X.shape[1], head.hidden, head.dropout, n_outputs).to(head.device)
        train(
            network,
            lambda batch: criterion(network(inputs[batch]), targets[batch]),
            len(X),
            steps=head.n_iter_,
            batch_size=head.batch_size,
            learning_rate=head.learning_rate,
            weight_decay=head.weight_decay,
            generator=torch.Generator().manual_seed(seed),
            after_epoch=keep_loss,
        )
    head.network_ = network


def _layers(n_features: int, hidden: tuple[int, ...], dropout: float, n_outputs: int) -> Any:
    from torch import nn

    from embedkit.heads.dropout import ByteDropout

    layers: list[nn.Module] = []
    widths = (n_features, *hidden)
    for width, following in pairwise(widths):
        layers += [nn.Linear(width, following), nn.ReLU(), ByteDropout(dropout)]
    output = nn.Linear(widths[-1], n_outputs)
    nn.init.zeros_(output.weight)  # with a label or two per class, random initial logits would never be unlearned
    nn.init.zeros_(output.bias)
    return nn.Sequential(*layers, output)


def _outputs(head: Any, X: Any) -> Any:
    """What the last layer gives for the rows, a tensor (n, n_outputs) on the head's device."""
    import torch

    check_is_fitted(head)
    X = validate_data(head, X, dtype=np.float32, reset=False)
    with torch.inference_mode():
        return head.network_(torch.tensor(X, device=head.device))
