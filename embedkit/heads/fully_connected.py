"""Fully connected heads: softmax regression and multilayer perceptrons, on torch."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from embedkit.heads.targets import classes_and_codes


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

        from embedkit.training import train

        X, y = validate_data(self, X, y, dtype=np.float32)
        self.classes_, codes = classes_and_codes(self, y)
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        inputs, targets = torch.tensor(X, device=self.device), torch.tensor(codes, device=self.device)
        with torch.random.fork_rng(devices=[self.device] if self.device != "cpu" else []):
            torch.manual_seed(seed)
            self.network_ = self._layers(X.shape[1]).to(self.device)
            criterion = torch.nn.CrossEntropyLoss(label_smoothing=self.label_smoothing)

            def keep_loss(step: int, loss: float) -> None:
                self.loss_ = loss

            train(
                self.network_,
                lambda batch: criterion(self.network_(inputs[batch]), targets[batch]),
                len(X),
                steps=max(self.steps, self.epochs * math.ceil(len(X) / self.batch_size)),
                batch_size=self.batch_size,
                learning_rate=self.learning_rate,
                weight_decay=self.weight_decay,
                generator=torch.Generator().manual_seed(seed),
                after_epoch=keep_loss,
            )
        return self

    def _layers(self, n_features: int) -> Any:
        from torch import nn

        from embedkit.heads.dropout import ByteDropout

        layers: list[nn.Module] = []
        width = n_features
        for hidden in self.hidden:
            layers += [nn.Linear(width, hidden), nn.ReLU(), ByteDropout(self.dropout)]
            width = hidden
        output = nn.Linear(width, len(self.classes_))
        nn.init.zeros_(output.weight)  # with a label or two per class, random initial logits would never be unlearned
        nn.init.zeros_(output.bias)
        return nn.Sequential(*layers, output)

    def predict_proba(self, X: Any) -> np.ndarray:
        """Softmax probabilities, (n, n_classes), columns in the order of ``classes_``."""
        import torch

        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float32, reset=False)
        with torch.inference_mode():
            return self.network_(torch.tensor(X, device=self.device)).softmax(dim=1).cpu().numpy()

    def predict(self, X: Any) -> np.ndarray:
        """The most probable class of each row."""
        best = self.predict_proba(X).argmax(axis=1)
        return self.classes_[best]
