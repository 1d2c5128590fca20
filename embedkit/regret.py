"""What choosing hyperparameters inside the labelled images gains, and what it leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scipy import special

from embedkit.errors import EmbedkitError

if TYPE_CHECKING:
    import pandas as pd

PLACE = ["dataset", "backbone", "codec", "head", "budget"]
TRIAL = [*PLACE, "repeat", "fold"]
SELECTIONS = ["default", "cv", "oracle"]


def selection_regret(rows: pd.DataFrame, score: str | None = None) -> pd.DataFrame:
    """How ``selection = cv`` stands between the defaults and the oracle, by head and budget.

    Parameters
    ----------
    rows : DataFrame
        As `embedkit.load_results` gives them, of the same study run with ``selection`` "cv", and "default", "oracle" or
        both.
    score : str, optional
        Default: accuracy, or the mean absolute error where targets are numbers.

    Returns
    -------
    DataFrame
        One row per head and budget, over trials that ran with every selection there is: mean scores ``default``,
        ``cv`` and ``oracle``; ``gain`` of cv over the default and ``regret`` against the oracle, both positive where
        the latter is better, with half-widths of 95% t intervals over trials (label draws, not new images); ``trials``.

    Raises
    ------
    EmbedkitError
        Where there are no rows of ``selection = cv``, or of nothing else.
    """
    if score is None:
        score = "mae" if (rows["task"] == "regression").all() else "accuracy"
    sign = -1 if score in ("mae", "rmse", "log_loss", "brier") else 1
    found = rows[rows["status"] == "ok"]
    there = [selection for selection in SELECTIONS if (found["selection"] == selection).any()]
    if "cv" not in there or len(there) < 2:
        have = ", ".join(there) or "none"
        raise EmbedkitError(
            f"regret compares selection = cv with default or oracle; these rows hold: {have}. "
            "Run the study again with another --selection"
        )
    wide = found.assign(fold=found["fold"].fillna(-1), budget=found["budget"].astype(str)).pivot_table(
        index=TRIAL, columns="selection", values=score, observed=True, sort=False
    )
    wide = wide[there].dropna()
    compared = {"gain": ("cv", "default"), "regret": ("oracle", "cv")}
    differences = {
        name: sign * (wide[better] - wide[worse])
        for name, (better, worse) in compared.items()
        if better in wide and worse in wide
    }
    by_place = wide.assign(**differences).groupby(PLACE, sort=False)
    table, trials = by_place.mean(), by_place.size()
    for name in differences:
        spread = by_place[name].std() / trials**0.5
        half_width = special.stdtrit(trials.clip(lower=2) - 1, 0.975) * spread
        table.insert(table.columns.get_loc(name) + 1, f"{name}_half_width", half_width)
    return table.assign(trials=trials).reset_index().rename_axis(columns=None)
