"""The loss of an encoder while it was trained."""

from __future__ import annotations

from typing import Any

import altair as alt
import numpy as np
import pandas as pd


def loss_frame(curve: np.ndarray) -> pd.DataFrame:
    """Steps and mean losses (epochs, 2), as ``step, loss``."""
    return pd.DataFrame(curve, columns=["step", "loss"]).astype({"step": "int64"})


def loss_panel(losses: pd.DataFrame) -> Any:
    """A `loss_frame` as a chart."""
    return (
        alt.Chart(losses)
        .mark_line(color="#0072B2", point={"size": 20, "color": "#0072B2"})
        .encode(
            x=alt.X("step:Q", axis=alt.Axis(grid=False)),
            y=alt.Y("loss:Q", scale=alt.Scale(zero=False)),
            tooltip=["step:Q", alt.Tooltip("loss:Q", format=".4~r")],
        )
    )
