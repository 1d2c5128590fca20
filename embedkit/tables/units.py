"""Values as people read them: percent, milliseconds, kilobytes, three significant digits."""

from __future__ import annotations

import numpy as np
import pandas as pd

from embedkit.report.numbers import cell_text, significant
from embedkit.scores import score_name
from embedkit.statistics import Interval
from embedkit.tables.headline import SCORES

PERCENT = ("accuracy", "balanced_accuracy", "macro_f1", "train_accuracy", "grid_edge", "roc_auc", "equal_error_rate",
           "map", "recall_at_1", "recall_at_5", "recall_at_10")  # fmt: skip
ERRORS = ("mae", "rmse", "train_mae", "log_loss", "brier", "equal_error_rate")
NAMES = {
    "macro_f1": "macro-F1", "log_loss": "log-loss", "brier": "Brier score", "rmse": "root mean square error",
    "r2": "R2", "train_mae": "mean absolute error on the labelled images", "roc_auc": "ROC AUC", "map": "mAP",
    "train_accuracy": "accuracy on the labelled images", "cv_score": "score out of fold",
    "grid_edge": "choices on the edge of the grid", "fit_s": "time to fit", "predict_s": "time to predict",
    "select_s": "time to choose parameters", "head_bytes": "size of the head",
}  # fmt: skip


def scale(value: str, estimates: pd.Series) -> tuple[float, str]:
    """By what the estimates are multiplied to be read, and in which unit they then are."""
    if value in PERCENT:
        return 100, "%"
    if value.endswith("_s"):
        return (1, "s") if estimates.max() >= 10 else (1e3, "ms")
    if value.endswith("_bytes"):
        return (1e-6, "MB") if estimates.max() >= 1e7 else (1e-3, "kB")
    return 1, ""


def name(value: str) -> str:
    """A score or cost in words."""
    return NAMES.get(value) or (score_name(value) if value in SCORES else value)


def title(value: str, unit: str) -> str:
    """What a table shows, such as ``accuracy in %``."""
    return name(value) + (f" in {unit}" if unit else "") + (" (lower is better)" if value in ERRORS else "")


def text(value: str, estimate: float, low: float, high: float, factor: float) -> str:
    """One cell, with the half-width of its interval where it has one."""
    shown = factor * estimate
    if not np.isnan(low):
        kind = value if value in PERCENT else "mae"  # three significant digits
        return cell_text(Interval(shown, factor * (high - low) / 2), kind)
    if value in PERCENT:
        return f"{shown:.1f}"
    if value in ("brier", "log_loss", "r2", "cv_score"):
        return f"{shown:.3f}"
    return f"{shown:.0f}" if float(shown).is_integer() else significant(shown)
