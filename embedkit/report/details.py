"""What the page shows of single predictions, added up trial by trial: they need not fit into memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from embedkit.outcomes import ORACLE, PLACE, Outcomes
from embedkit.report.figures.confusion import confusion_counts
from embedkit.report.figures.label import embedding_labels, embedding_of
from embedkit.report.figures.reliability import Reliability
from embedkit.report.mistakes import Mistakes
from embedkit.results import iterate_predictions

Where = tuple[str, str, str]
"""Data set, embedding, head."""


@dataclass
class Details:
    """Of each head at the largest budget of its embedding, over repeats and folds: counts (C, C) of true and predicted
    classes, and reliability where it gives probabilities. Mistakes are those on the best embedding of a data set.
    """

    classes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    budgets: dict[str, str] = field(default_factory=dict)
    confusions: dict[Where, np.ndarray] = field(default_factory=dict)
    reliabilities: dict[Where, Reliability] = field(default_factory=dict)
    mistakes: dict[str, Mistakes] = field(default_factory=dict)
    best: dict[str, Outcomes] = field(default_factory=dict)


def read_details(folder: Path, rows: pd.DataFrame, found: Sequence[Outcomes]) -> Details:
    """Read the predictions at the largest budgets, once.

    Parameters
    ----------
    rows : DataFrame
        The trials to look at.
    found : sequence of Outcomes
        Of these rows, by `read_outcomes`: the best embedding of a data set last.
    """
    details = Details()
    for outcomes in found:
        details.budgets[outcomes.dataset] = outcomes.budgets[-1]
        details.best[outcomes.dataset] = outcomes
    labels = embedding_labels(map(embedding_of, found))
    wanted = set(rows["key"])
    for budget in set(details.budgets.values()):
        of_budget = [dataset for dataset, last in details.budgets.items() if last == budget]
        for row, test, predictions in iterate_predictions(folder, {"dataset": of_budget, "budget": budget}):
            if row["key"] not in wanted or row["selection"] == ORACLE:
                continue
            dataset, backbone, codec, selection = (row[name] for name in PLACE)
            best = details.best[dataset]
            details.classes[dataset] = test.classes
            if (backbone, codec, selection) == embedding_of(best):
                if dataset not in details.mistakes:
                    details.mistakes[dataset] = Mistakes(best.ids, test.classes)
                details.mistakes[dataset].add(test, predictions)
            if row["task"] == "regression":
                continue
            where = dataset, labels[backbone, codec, selection], row["head"]
            counts = confusion_counts(test.truth, predictions.predicted, len(test.classes))
            details.confusions[where] = details.confusions.get(where, 0) + counts
            if predictions.confidence is not None:
                right = predictions.predicted == test.truth
                details.reliabilities.setdefault(where, Reliability()).add(predictions.confidence, right)
    return details
