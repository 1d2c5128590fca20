"""Distances in words and tables: a table per data set and codec, by backbone and metric."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from embedkit.distance.comparison import ALL_PAIRS
from embedkit.distance.metrics import METRICS
from embedkit.frames import load_results
from embedkit.outcomes import latest
from embedkit.report.text import cell_text, grid, markdown_grid, wrapped
from embedkit.statistics import Interval

PLACE = ("dataset", "backbone", "codec", "metric", "budget")
PAIR_SCORES = {
    "roc_auc": "ROC AUC",
    "equal_error_rate": "equal error",
    "map": "mAP",
    "recall_at_1": "recall at 1",
    "recall_at_5": "at 5",
    "recall_at_10": "at 10",
}


@dataclass(frozen=True)
class DistanceTable:
    """A title, the names of the scores, and for each backbone a line per metric: its name and a cell per score."""

    title: str
    header: list[str]
    backbones: dict[str, list[list[str]]]


def distance_rows(folder: Path, keys: Iterable[str] | None = None) -> pd.DataFrame:
    """The rows of the comparisons with these keys; without keys, the latest of everything that is there."""
    rows = load_results(folder)
    rows = rows[rows["experiment"] == "distances"]
    return latest(rows, PLACE) if keys is None else rows[rows["key"].isin(set(keys))]


def distances_text(rows: pd.DataFrame) -> str:
    """Tables, what their intervals cover, and what gave no score: for a terminal."""
    parts = []
    for table in distance_tables(rows):
        lines = [[f"  {line[0]}", *line[1:]] for lines in table.backbones.values() for line in lines]
        header, *drawn = grid(["", *table.header], lines).splitlines()
        parts += [table.title, header]
        for backbone, of_metrics in table.backbones.items():
            parts += [f"  {backbone}", *(drawn.pop(0) for _ in of_metrics)]
        parts.append("")
    if parts:
        parts += [*wrapped(explanation()), ""]
    return "\n".join([*parts, *_missing_lines(rows)]).rstrip()


def distances_markdown(rows: pd.DataFrame) -> str:
    """The same as Markdown; nothing where there are no rows."""
    parts = []
    for table in distance_tables(rows):
        lines = [[backbone, *line] for backbone, of_metrics in table.backbones.items() for line in of_metrics]
        parts += [f"## {table.title}", markdown_grid(["backbone", "metric", *table.header], lines)]
    if parts:
        parts.append(explanation())
    return "".join(f"{part}\n\n" for part in [*parts, *_missing_lines(rows)])


def explanation() -> str:
    return (
        "Nearer means the same class: ROC AUC and equal error rate over all pairs, mAP and recall with each image as a "
        "query against all others; images of one group are never compared. ± is a 95% interval over new images; "
        "that of recall is mostly too wide, and not to be trusted near 100. Episodes: accuracy of the nearest class "
        "centre; there, ± covers new episodes from these images, not new images."
    )


def distance_tables(rows: pd.DataFrame) -> Iterator[DistanceTable]:
    """The tables of some rows, the best backbone last, next to the prompt."""
    scored = rows[rows["status"] == "ok"]
    for (dataset, codec), here in scored.groupby(["dataset", "codec"], observed=True):
        episodes = [budget for budget in here["budget"].cat.categories if budget in set(here["budget"]) - {ALL_PAIRS}]
        means = here.groupby("backbone").mean(numeric_only=True).reindex(columns=["map", "accuracy"])
        backbones = means.sort_values(["map", "accuracy"]).index
        first = here.iloc[0]
        what = "test images" if first["evaluation"] == "fixed" else "labelled images"
        stored = "" if codec == "float32" else f", stored as {codec}"
        yield DistanceTable(
            f"{dataset}{stored}: distances between {first['n_test']} {what} of {first['n_classes']} classes, in %",
            [*PAIR_SCORES.values(), *episodes],
            {backbone: _lines(here[here["backbone"] == backbone], episodes) for backbone in backbones},
        )


def _lines(rows: pd.DataFrame, episodes: list[str]) -> list[list[str]]:
    found = {(row["metric"], row["budget"]): row for row in rows.to_dict("records")}
    known = list(METRICS)
    metrics = sorted(set(rows["metric"]), key=lambda name: (known.index(name) if name in known else len(known), name))
    return [
        [
            metric,
            *(_cell(found.get((metric, ALL_PAIRS)), score) for score in PAIR_SCORES),
            *(_cell(found.get((metric, budget)), "accuracy") for budget in episodes),
        ]
        for metric in metrics
    ]


def _cell(row: dict[str, float] | None, score: str) -> str:
    return cell_text(Interval(100 * row[score], 100 * row[f"{score}_half_width"]), score) if row else "-"


def _missing_lines(rows: pd.DataFrame) -> list[str]:
    """What gave no score, and why: a line for each reason."""
    missing = rows[rows["status"] != "ok"]
    return [
        f"{status.replace('_', ' ')}: {len(these)} comparison{'s' * (len(these) > 1)} "
        f"({', '.join(sorted(set(these['metric'])))}): {error}"
        for (status, error), these in missing.groupby(["status", "error"])
    ]
