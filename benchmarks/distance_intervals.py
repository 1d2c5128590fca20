"""How often the 95% intervals of verification and retrieval hold the truth, in samples of images from Gaussian classes.

The truth is the mean over all samples. Beside each coverage stands the half-width that the interval has on average,
over the one that it should have (1.96 standard deviations over samples): below 1 it is too narrow.
"""

from __future__ import annotations

import sys

import numpy as np

from embedkit.distance.metrics import distance_rows
from embedkit.distance.retrieval import retrieval
from embedkit.distance.verification import verification
from embedkit.statistics import Interval

SETTINGS = ((2, 10, 0.4, 40, 1), (3, 10, 0.5, 60, 1), (10, 20, 0.6, 100, 1), (10, 20, 0.6, 360, 1),
            (10, 20, 0.6, 200, 4), (10, 20, 1.2, 200, 1))  # fmt: skip
"""Classes, width, spread of the classes' centres, images, and images of one group."""
GROUP_SHARE = 0.7


def measured(centres: np.ndarray, n: int, group_size: int, rng: np.random.Generator) -> dict[str, Interval]:
    """All scores of one sample; images of a group have `GROUP_SHARE` of their variance in common."""
    groups = np.repeat(np.arange(n // group_size), group_size)
    labels = rng.integers(0, len(centres), n // group_size)[groups]
    common, own = rng.normal(size=(2, n, centres.shape[1]))
    share = GROUP_SHARE if group_size > 1 else 0.0
    X = centres[labels] + np.sqrt(share) * common[groups] + np.sqrt(1 - share) * own
    rows = distance_rows(X.astype(np.float32), "euclidean")
    return verification(rows, labels, groups) | retrieval(rows, labels, groups)


def main() -> None:
    samples = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    for n_classes, width, spread, n, group_size in SETTINGS:
        rng = np.random.default_rng(0)
        centres = spread * rng.normal(size=(n_classes, width))
        found = [measured(centres, n, group_size, rng) for _ in range(samples)]
        print(f"{n} images of {n_classes} classes, {group_size} in a group:")
        for score in found[0]:
            estimates = np.array([of_sample[score].estimate for of_sample in found])
            half_widths = np.array([of_sample[score].half_width for of_sample in found])
            covered = np.mean(np.abs(estimates - estimates.mean()) <= half_widths)
            ratio = half_widths.mean() / (1.96 * estimates.std())
            print(f"  {score:17s} {estimates.mean():.3f}: covered {covered:.3f}, half-width x {ratio:.2f}", flush=True)


if __name__ == "__main__":
    main()
