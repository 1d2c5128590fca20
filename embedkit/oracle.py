"""What the best hyperparameters would have given: an upper mark for selection, never a result to rank."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from embedkit.heads.problem import Prediction
from embedkit.scores import inner_score


def cross_fitted(
    predictions: Sequence[Prediction], truth: np.ndarray, groups: np.ndarray, task: str
) -> tuple[Prediction, tuple[int, int]]:
    """Predictions of the candidate that is best on the other half of the test rows.

    The best score among many candidates on the rows that chose it is too high; so each half is judged on what the
    other half chose. Groups are not divided.

    Returns
    -------
    Prediction
        For all test rows, in their order.
    tuple of int
        The candidates that the first and the second half are judged on.
    """
    order = {group: rank for rank, group in enumerate(dict.fromkeys(groups.tolist()))}
    second = np.array([order[group] % 2 for group in groups.tolist()], dtype=bool)
    if not second.any():
        second = np.arange(len(truth)) % 2 == 1
    chosen = []
    values = np.empty_like(predictions[0].values)
    given = [p.probabilities for p in predictions if p.probabilities is not None]
    probabilities = np.empty_like(given[0]) if len(given) == len(predictions) else None
    for judged in (~second, second):
        by = ~judged if not judged.all() else judged
        best = int(np.argmax([inner_score(truth[by], p.values[by], task) for p in predictions]))
        values[judged] = predictions[best].values[judged]
        of_best = predictions[best].probabilities
        if probabilities is not None and of_best is not None:
            probabilities[judged] = of_best[judged]
        chosen.append(best)
    return Prediction(values, probabilities), (chosen[0], chosen[1])
