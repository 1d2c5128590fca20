"""Results as pandas DataFrames."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from embedkit.errors import EmbedkitError
from embedkit.results import COLUMNS, iterate_predictions, reading


def load_results(path: str | Path) -> pd.DataFrame:
    """Rows as a DataFrame, one per trial or comparison of distances, with one column per score.

    Parameters
    ----------
    path : str or Path
        A results folder or its ``results.sqlite``.

    Returns
    -------
    DataFrame
        ``experiment`` is ``"heads"`` or ``"distances"``; columns that do not apply to a row hold missing values.
        ``budget`` is an ordered category from few labels to many; whole numbers that may be missing are ``Int64``.
    """
    with reading(path) as connection:
        found = connection.execute("SELECT * FROM rows ORDER BY dataset, backbone, codec, head, repeat, fold")
        rows = pd.DataFrame(found.fetchall(), columns=[column[0] for column in found.description])
    scores = pd.DataFrame([json.loads(text) or {} for text in rows.pop("scores")], index=rows.index).astype("float64")
    for name, kind in COLUMNS.items():
        if name in rows and kind == "INTEGER":
            rows[name] = rows[name].astype("Int64")
        elif name in rows and kind == "REAL":
            rows[name] = rows[name].astype("float64")
        elif name in rows:
            rows[name] = rows[name].astype("str").where(rows[name].notna())  # pandas 2 would write "None"
    rows["grid_edge"] = rows["grid_edge"].astype("boolean")
    per_class = rows["n_labeled"] / rows["n_classes"].fillna(
        1
    )  # what data sets of many and of few classes have in common
    by_size = per_class.groupby(rows["budget"]).mean().sort_values(kind="stable").index
    rows["budget"] = pd.Categorical(rows["budget"], categories=list(by_size), ordered=True)
    place = list(rows.columns).index("fitted_on") + 1
    return pd.concat([rows.iloc[:, :place], scores, rows.iloc[:, place:]], axis=1).sort_values(
        ["dataset", "backbone", "codec", "head", "metric", "budget", "repeat", "fold"], ignore_index=True
    )


def load_predictions(path: str | Path, **where: Any) -> pd.DataFrame:
    """Predictions as a DataFrame, one row per trial and test image.

    Parameters
    ----------
    path : str or Path
        A results folder or its ``results.sqlite``.
    **where
        Columns of the results and the value, or list of values, to keep, such as ``head="svm", budget=[5, 10]``.

    Returns
    -------
    DataFrame
        ``key`` of the trial, its identity, ``image``, ``truth``, ``predicted`` (class names, or numbers), and
        ``confidence`` and ``true_probability`` (NaN where the head gives no probabilities).
    """
    unknown = set(where) - set(COLUMNS)
    if unknown:
        raise EmbedkitError(f"unknown column {sorted(unknown)[0]!r}; columns: {', '.join(COLUMNS)}")
    identity = ("key", "dataset", "backbone", "codec", "head", "budget", "repeat", "fold", "selection")
    parts = []
    for row, test, predictions in iterate_predictions(path, where):
        names = None if row["task"] == "regression" else np.array(test.classes, dtype=object)
        blank = np.full(len(test.ids), np.nan)
        part = pd.DataFrame(
            {
                "image": test.ids,
                "truth": test.truth if names is None else names[test.truth],
                "predicted": predictions.predicted if names is None else names[predictions.predicted],
                "confidence": blank if predictions.confidence is None else predictions.confidence,
                "true_probability": blank if predictions.true_probability is None else predictions.true_probability,
            }
        )
        parts.append(part.assign(**{name: row[name] for name in identity}))
    columns = [*identity, "image", "truth", "predicted", "confidence", "true_probability"]
    if not parts:
        return pd.DataFrame(columns=columns)
    return pd.concat(parts, ignore_index=True)[columns].astype({"fold": "Int64", "repeat": "Int64"})
