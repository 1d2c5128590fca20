"""What is known of the covariance of a few rows."""

from __future__ import annotations

import numpy as np
from scipy.linalg import eigh, solve


def class_means(X: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Mean of the rows of each class, (n_classes, d)."""
    return np.stack([X[codes == c].mean(axis=0) for c in range(codes.max() + 1)])


def helmert(rows: np.ndarray) -> np.ndarray:
    """The m - 1 orthonormal contrasts of m rows: independent, of mean zero and of the rows' own covariance."""
    i = np.arange(1, len(rows))[:, None]  # (m - 1, 1)
    return (np.cumsum(rows, axis=0)[:-1] - i * rows[1:]) / np.sqrt(i * (i + 1))


def times_inverse(rows: np.ndarray, contrasts: np.ndarray, scatter: float, identity: float) -> np.ndarray:
    """Rows (k, d) times the inverse of ``scatter * contrasts.T @ contrasts + identity * eye(d)``, (k, d).

    With fewer contrasts than features, m < d, by Woodbury's identity: no matrix is then larger than (m, d).
    """
    m, d = contrasts.shape
    if m < d and identity > 0:
        inner = scatter * contrasts @ contrasts.T + identity * np.eye(m)
        along = solve(inner, contrasts @ rows.T, assume_a="pos")  # (m, k)
        return (rows - scatter * along.T @ contrasts) / identity
    return solve(scatter * contrasts.T @ contrasts + identity * np.eye(d), rows.T, assume_a="pos").T


def principal_axes(contrasts: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Variances (r,) and axes (d, r) of the covariance of contrasts (m, d) of centred rows (n, d).

    With n < d only the span of the rows is looked at, r = n; outside it the contrasts do not vary.
    """
    n, d = rows.shape
    span = np.linalg.qr(rows.T)[0] if n < d else np.eye(d)  # (d, r)
    inside = contrasts @ span
    variances, axes = eigh(inside.T @ inside / max(len(contrasts), 1))
    return variances.clip(0), span @ axes
