"""Fine-tuning: a backbone's network and a fully connected layer on it, trained end to end on labelled images."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from embedkit.backbones.backbone import Weights
from embedkit.heads.head import Task
from embedkit.heads.targets import classes_and_codes, standardised

STEPS, STEPS_UNTRAINED = 200, 400


class _FineTuned(BaseEstimator):
    """Trains a fully connected layer on the embeddings of a network, then both together.

    The layer comes first and is trained as `linear` is, since gradients through a layer that knows nothing would undo
    what the network knows (Kumar et al. 2022, arXiv:2202.10054). A fixed number of steps: no labelled image is spent on
    early stopping. Batch normalisation keeps the statistics that a network comes with. A network without weights in
    which images fade is first scaled layer by layer to the labelled images (see `retraining.scaled`).

    Parameters
    ----------
    network : embedkit.backbones.Network
        Is copied, not changed.
    learning_rate : float
        Of the layer; the peak of a one-cycle schedule.
    weights : {"none", "pool", "pretrained"}
        Where the network's weights come from: nowhere, the pool, or other images, which taught it more than a few
        labelled ones can.
    encoder_rate : float or None
        Of the network, as a share of `learning_rate`. None: 1/4, and 1 where it is not pretrained.
    weight_decay : float
        Of AdamW, for both.
    steps : int or None
        At least so many. None: 200, and 400 where the network is not pretrained.
    epochs : int
        At least so many.
    batch_size : int
        One or two more where otherwise a batch would hold a single image.
    shift : float or None
        In training, images are shifted at random by up to this share of their sides; borders are repeated. None: 0.1
        for classes; not at all for numbers, which may say where or how large something is.
    flip : bool
        In training, every second image is turned left to right.
    random_state : int, RandomState or None
        The layer's first training, order, shifts, and dropout in the network.
    device : str
        On a GPU, training computes in bfloat16 where that suits (torch.autocast).

    Attributes
    ----------
    network_ : torch.nn.Module
        From images as `embedkit.embeddings.runtime.load_with` gives them to outputs.
    n_bytes_ : int
        Of all its weights.
    n_iter_ : int
        Steps taken by the network.
    loss_ : float
        Mean training loss of the last epoch.
    """

    def __init__(
        self,
        network: Any = None,
        *,
        weights: Weights = "pretrained",
        learning_rate: float = 2e-3,
        encoder_rate: float | None = None,
        weight_decay: float = 0.05,
        steps: int | None = None,
        epochs: int = 10,
        batch_size: int = 32,
        shift: float | None = None,
        flip: bool = False,
        random_state: Any = None,
        device: str = "cpu",
    ) -> None:
        self.network = network
        self.weights = weights
        self.learning_rate = learning_rate
        self.encoder_rate = encoder_rate
        self.weight_decay = weight_decay
        self.steps = steps
        self.epochs = epochs
        self.batch_size = batch_size
        self.shift = shift
        self.flip = flip
        self.random_state = random_state
        self.device = device

    def _train(self, X: np.ndarray, y: np.ndarray, task: Task) -> None:
        """Set ``network_`` and what is known of it, from images (n, C, h, w) and class indices or standard targets."""
        import torch

        from embedkit.heads import make_head
        from embedkit.heads.retraining import Retrained, embedded, retrain, runtime, scaled

        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        self.n_iter_ = n_steps(self.steps, self.epochs, math.ceil(len(X) / self.batch_size), self.weights)
        with torch.random.fork_rng(devices=[self.device] if self.device.startswith("cuda") else []):
            torch.manual_seed(seed)
            network = scaled(self.network, X) if self.weights == "none" else self.network
            first = make_head("linear", seed, task).fit(embedded(network, X, self.device), y)
            self.network_ = Retrained(network, *(step for _, step in first.steps)).to(self.device)
            self.loss_ = retrain(self, X, y, seed)
        self._run = runtime(self.network_, self.device)
        tensors = [*self.network_.parameters(), *self.network_.buffers()]
        self.n_bytes_ = sum(tensor.nbytes for tensor in tensors)

    def _outputs(self, X: np.ndarray) -> Any:
        from embedkit.heads.retraining import in_batches

        check_is_fitted(self)
        return in_batches(self._run, X, self.device)


def n_steps(steps: int | None, epochs: int, per_epoch: float, weights: str) -> int:
    """How many steps the network is trained for."""
    return max(steps or (STEPS if weights == "pretrained" else STEPS_UNTRAINED), round(epochs * per_epoch))


class FineTunedClassifier(ClassifierMixin, _FineTuned):
    __doc__ = _FineTuned.__doc__

    def fit(self, X: np.ndarray, y: Any) -> FineTunedClassifier:
        """Train on images (n, C, h, w), uint8 where the network's transform gives that, and `y` (n,)."""
        self.classes_, codes = classes_and_codes(self, np.asarray(y))
        self._train(X, codes, "classification")
        return self

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Softmax probabilities, (n, n_classes), columns in the order of ``classes_``."""
        return self._outputs(X).softmax(dim=1).numpy()

    def predict(self, X: np.ndarray) -> np.ndarray:
        """The most probable class of each image."""
        best = self.predict_proba(X).argmax(axis=1)
        return self.classes_[best]


class FineTunedRegressor(RegressorMixin, _FineTuned):
    __doc__ = _FineTuned.__doc__

    def fit(self, X: np.ndarray, y: Any) -> FineTunedRegressor:
        """Train on images (n, C, h, w), uint8 where the network's transform gives that, and numbers (n,)."""
        targets, self._mean, self._scale = standardised(np.asarray(y))
        self._train(X, targets, "regression")
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Predicted targets, (n,) float64."""
        standard = self._outputs(X)[:, 0].double().numpy()
        return self._mean + self._scale * standard
