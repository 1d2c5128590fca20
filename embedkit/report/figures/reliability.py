"""Whether heads are right as often as they say."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

BINS = 15
FINE = 1000


@dataclass
class Reliability:
    """Predictions sorted by confidence into fine bins, in which those of many trials add up."""

    images: np.ndarray = field(default_factory=lambda: np.zeros(FINE))
    confidence: np.ndarray = field(default_factory=lambda: np.zeros(FINE))
    right: np.ndarray = field(default_factory=lambda: np.zeros(FINE))

    def add(self, confidence: np.ndarray, right: np.ndarray) -> None:
        """More predictions: the probability of the predicted class (n,), and whether it was right (n,)."""
        at = np.minimum((confidence * FINE).astype(np.int64), FINE - 1)
        self.images += np.bincount(at, minlength=FINE)
        self.confidence += np.bincount(at, confidence, minlength=FINE)
        self.right += np.bincount(at, right, minlength=FINE)


def reliability_frame(reliability: Reliability) -> pd.DataFrame:
    """Mean confidence and share of right answers, in at most 15 bins that hold about equally many predictions.

    Returns
    -------
    DataFrame
        ``confidence, right, images``, both shares in [0, 1].
    """
    before = np.cumsum(reliability.images) - reliability.images
    total = max(reliability.images.sum(), 1)
    coarse = np.minimum((before / total * BINS).astype(np.int64), BINS - 1)
    images = np.bincount(coarse, reliability.images, minlength=BINS)
    there = images > 0
    sums = [
        np.bincount(coarse, values, minlength=BINS)[there] for values in (reliability.confidence, reliability.right)
    ]
    confidence, right = (np.round(each / images[there], 4) for each in sums)
    return pd.DataFrame({"confidence": confidence, "right": right, "images": images[there].astype(int)})


def reliability_panel(reliability: pd.DataFrame) -> Any:
    """A `reliability_frame` as a chart; on the diagonal confidence is what it says."""
    ends = pd.DataFrame({"at": [0, 1]})
    axis = alt.Axis(format="%", tickCount=5)
    diagonal = alt.Chart(ends).mark_line(strokeDash=[4, 3], color="#808080").encode(x="at:Q", y="at:Q")
    base = alt.Chart(reliability).encode(
        x=alt.X("confidence:Q", title="confidence", scale=alt.Scale(domain=[0, 1]), axis=axis.copy()),
        y=alt.Y("right:Q", title="right", scale=alt.Scale(domain=[0, 1]), axis=axis.copy()),
    )
    points = base.mark_point(filled=True, size=50, opacity=1, color="#D55E00").encode(
        tooltip=[
            alt.Tooltip("confidence:Q", format=".1%"),
            alt.Tooltip("right:Q", format=".1%"),
            alt.Tooltip("images:Q", title="predictions", format=","),
        ]
    )
    return alt.layer(diagonal, base.mark_line(color="#D55E00"), points)
