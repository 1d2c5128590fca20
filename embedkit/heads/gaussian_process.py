"""Gaussian processes for up to some hundred labels."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.linalg import eigh
from scipy.stats import norm
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.metrics.pairwise import euclidean_distances
from sklearn.utils.validation import check_is_fitted, validate_data

from embedkit.heads.targets import classes_and_codes, standardised

LENGTH_SCALES = (1.0, 2.0, 4.0)


class GaussianProcessRegressor(RegressorMixin, BaseEstimator):
    """Gaussian process of constant mean with a radial basis function as kernel, and noise.

    The kernel's length scale and the noise are those of a grid that have the highest marginal likelihood (Rasmussen and
    Williams 2006, section 5.4.1); the kernel's variance follows in closed form. One eigendecomposition per length scale
    serves all levels of noise, where scikit-learn needs a Cholesky decomposition per step of its search.

    Parameters
    ----------
    length_scale : float or None
        In units of the median distance between labelled rows; None: the best of 1, 2 and 4.
    noise : float or None
        Variance of the noise, in units of the kernel's variance; None: the best of 0.01, 0.03, 0.1, 0.3 and 1.

    Attributes
    ----------
    length_scale_ : float
        In units of the input.
    noise_ : float
    kernel_variance_ : float
        Of the standardised targets.
    log_marginal_likelihood_value_ : float
        Of the standardised targets.
    """

    def __init__(self, length_scale: float | None = None, noise: float | None = None) -> None:
        self.length_scale = length_scale
        self.noise = noise

    def fit(self, X: Any, y: Any) -> GaussianProcessRegressor:
        """Fit to `X` (n, d) and `y` (n,)."""
        X, y = validate_data(self, X, y, dtype=np.float64, y_numeric=True)
        targets, self._mean, self._scale = standardised(y)
        _fit(self, X, targets[:, None], (0.01, 0.03, 0.1, 0.3, 1.0))
        return self

    def predict(self, X: Any, return_std: bool = False) -> Any:
        """Mean of the posterior, (n,), and with `return_std` the standard deviation of a new target, (n,)."""
        mean, variance = _posterior(self, X)
        predicted = self._mean + self._scale * mean[:, 0]
        return (predicted, self._scale * np.sqrt(variance)) if return_std else predicted


class GaussianProcessClassifier(ClassifierMixin, BaseEstimator):
    """Least-squares classification by Gaussian processes (Rasmussen and Williams 2006, section 6.5).

    Each class has a regression of its indicator on the rows, and all share one kernel, which is chosen as in
    :class:`GaussianProcessRegressor` by the product of their marginal likelihoods.

    Parameters
    ----------
    length_scale : float or None
        As in :class:`GaussianProcessRegressor`.
    noise : float or None
        Likewise, but None: the better of 0.1 and 0.3. With few labels per class the likelihood would choose more noise
        than is good for accuracy.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    length_scale_, noise_, kernel_variance_, log_marginal_likelihood_value_
        As in :class:`GaussianProcessRegressor`, of the centred indicators.
    """

    def __init__(self, length_scale: float | None = None, noise: float | None = None) -> None:
        self.length_scale = length_scale
        self.noise = noise

    def fit(self, X: Any, y: Any) -> GaussianProcessClassifier:
        """Fit to `X` (n, d) and `y` (n,)."""
        X, y = validate_data(self, X, y, dtype=np.float64)
        self.classes_, codes = classes_and_codes(self, y)
        indicators = np.eye(len(self.classes_))[codes]
        self._means = indicators.mean(axis=0)
        _fit(self, X, indicators - self._means, (0.1, 0.3))
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Chance that each class's regression exceeds 1/2, divided by their sum, (n, n_classes)."""
        mean, variance = _posterior(self, X)
        chances = norm.cdf((mean + self._means - 0.5) / np.sqrt(variance)[:, None])
        return chances / chances.sum(axis=1, keepdims=True)

    def predict(self, X: Any) -> np.ndarray:
        """The class whose regression is highest."""
        best = self.predict_proba(X).argmax(axis=1)
        return self.classes_[best]


def _fit(head: Any, X: np.ndarray, targets: np.ndarray, noises: tuple[float, ...]) -> None:
    """Choose the kernel and the noise, and solve for centred targets (n, outputs)."""
    n, outputs = targets.shape
    squared = euclidean_distances(X, squared=True)
    np.fill_diagonal(squared, 0)
    apart = squared[np.triu_indices(n, 1)]
    median = float(np.sqrt(np.median(apart))) if apart.any() else 1.0
    head.log_marginal_likelihood_value_ = -np.inf
    for length_scale in LENGTH_SCALES if head.length_scale is None else (head.length_scale,):
        eigenvalues, vectors = eigh(np.exp(-0.5 * squared / (length_scale * median) ** 2))
        rotated = vectors.T @ targets
        for noise in noises if head.noise is None else (head.noise,):
            spectrum = eigenvalues.clip(0) + noise
            variance = float(np.mean(rotated**2 / spectrum[:, None])) or 1.0
            evidence = -0.5 * outputs * (np.log(spectrum).sum() + n * (np.log(2 * np.pi * variance) + 1))
            if evidence > head.log_marginal_likelihood_value_:
                head.log_marginal_likelihood_value_ = float(evidence)
                head.length_scale_, head.noise_, head.kernel_variance_ = length_scale * median, noise, variance
                head._roots = vectors / np.sqrt(spectrum)
                head._coefficients = vectors @ (rotated / spectrum[:, None])
    head._rows = X


def _posterior(head: Any, X: Any) -> tuple[np.ndarray, np.ndarray]:
    """Means (n, outputs) and variances (n,), noise included."""
    check_is_fitted(head)
    X = validate_data(head, X, dtype=np.float64, reset=False)
    kernel = np.exp(-0.5 * euclidean_distances(X, head._rows, squared=True) / head.length_scale_**2)  # (n, labelled)
    explained = np.sum((kernel @ head._roots) ** 2, axis=1)
    return kernel @ head._coefficients, head.kernel_variance_ * (1 + head.noise_ - explained)
