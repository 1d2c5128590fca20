"""Heads over several data sets."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from embedkit import statistics
from embedkit.outcomes import ORACLE
from embedkit.report.summary import Table
from embedkit.statistics.testing import DATASETS_MIN

SHOWN_MAX = 6


def scores_by_dataset(tables: Sequence[Table]) -> pd.DataFrame:
    """Mean scores, larger is better, of the heads that have every cell: one row per data set, one column per head."""
    ranked = [table for table in tables if table.selection != ORACLE]
    scores: dict[str, dict[str, list[float]]] = {}
    for table in ranked:
        sign = -1 if table.score == "mae" else 1
        for head in table.heads:
            cells = [table.cells.get((head, budget)) for budget in table.budgets]
            values = [sign * cell.interval.estimate if cell else float("nan") for cell in cells]
            scores.setdefault(table.dataset, {}).setdefault(head, []).extend(values)
    means = {name: {head: float(np.mean(values)) for head, values in by.items()} for name, by in scores.items()}
    return pd.DataFrame(means).T.dropna(axis=1)


def ranks_sentence(tables: Sequence[Table]) -> str:
    """Average ranks over data sets; differences between them are tested from `DATASETS_MIN` data sets on only."""
    scores = scores_by_dataset(tables)
    if len(scores) < 2 or scores.shape[1] < 3:
        return ""
    ranks = statistics.average_ranks(scores)
    told = ", ".join(f"{head} {rank:.1f}" for head, rank in ranks.head(SHOWN_MAX).items())
    more = f" and {len(ranks) - SHOWN_MAX} more" if len(ranks) > SHOWN_MAX else ""
    if len(scores) < DATASETS_MIN:
        tested = f"a description: tests need {DATASETS_MIN}"
    else:
        found = statistics.friedman(scores)
        tested = f"Friedman p = {found.p_value:.2g}, critical difference {found.critical_difference:.1f}"
    return f"Average rank over {len(scores)} data sets ({tested}): {told}{more}."
