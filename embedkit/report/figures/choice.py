"""Which of all rows a figure shows."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from embedkit.errors import EmbedkitError


def chosen(frame: pd.DataFrame, where: Mapping[str, str]) -> pd.DataFrame:
    """The rows of one data set, its best embedding and its headline score, unless `where` names others.

    Raises
    ------
    EmbedkitError
        Where there are no such rows, or several data sets and none is named.
    """
    unknown = set(where) - set(frame.columns)
    if unknown:
        raise EmbedkitError(
            f"figures have no {sorted(unknown)[0]!r}; choose by dataset, embedding, score, head, budget"
        )
    for column, value in where.items():
        if value not in set(frame[column]):
            raise EmbedkitError(f"no {column} {value!r} here; there are: {', '.join(sorted(set(frame[column])))}")
        frame = frame[frame[column] == value]
    if frame.empty:
        raise EmbedkitError("nothing to draw: no trial here has a score that this figure shows")
    if frame["dataset"].nunique() > 1:
        raise EmbedkitError(f"several data sets; give dataset=, one of: {', '.join(dict.fromkeys(frame['dataset']))}")
    if "embedding" not in where:
        frame = frame[frame["embedding"] == frame["embedding"].iloc[-1]]
    return frame if "score" in where else frame[frame["headline"]]
