"""Tables of distances from known rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from embedkit import results
from embedkit.report.distances import distance_rows, distance_tables, distances_markdown, distances_text

SCORES = ("roc_auc", "equal_error_rate", "map", "recall_at_1", "recall_at_5", "recall_at_10")


def a_row(backbone: str, metric: str, budget: str, score: float, **columns: Any) -> dict[str, Any]:
    names = SCORES if budget == "all pairs" else ("accuracy",)
    return {
        "experiment": "distances", "dataset": "photos", "backbone": backbone, "codec": "float32", "metric": metric,
        "budget": budget, "evaluation": "fixed", "n_labeled": 0 if budget == "all pairs" else 5, "n_classes": 2,
        "n_test": 10, "data_sha256": "d", "inputs_sha256": f"{backbone} {metric}", "status": "ok",
        "scores": dict.fromkeys(names, score) | {f"{name}_half_width": 0.0125 for name in names},
        "key": f"{backbone} {metric} {budget}",
    } | columns  # fmt: skip


def stored(folder: Path, *rows: dict[str, Any]) -> Path:
    with results.open_results(folder) as connection:
        results.write(connection, results.start_run(connection, "2026-01-01", {}), [(row, None) for row in rows])
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = [
        a_row(backbone, metric, budget, score)
        for backbone, score in (("resnet18", 0.75), ("pixels", 0.5))
        for metric in ("manhattan", "euclidean")
        for budget in ("all pairs", "5-way 1-shot")
    ]
    told = {"status": "not_applicable", "error": "no pool", "scores": None}
    return stored(tmp_path, *rows, a_row("pixels", "whitened", "all pairs", 0, **told))


def test_metrics_stand_below_their_backbone_and_the_best_backbone_last(folder: Path) -> None:
    head, *lines = distances_text(distance_rows(folder)).splitlines()
    assert head == "photos: distances between 10 test images of 2 classes, in %"
    assert [line.split("  50.0")[0].split("  75.0")[0] for line in lines[1:7]] == [
        "  pixels", "    euclidean", "    manhattan", "  resnet18", "    euclidean", "    manhattan",
    ]  # fmt: skip
    assert lines[2].count("50.0 ±1.2") == 7
    assert lines[-1] == "not applicable: 1 comparison (whitened): no pool"


def test_a_score_that_is_missing_is_a_dash(folder: Path) -> None:
    rows = distance_rows(folder)
    (table,) = distance_tables(rows[rows["key"] != "pixels euclidean all pairs"])
    assert table.backbones["pixels"][0] == ["euclidean", *["-"] * 6, "50.0 ±1.2"]
    assert table.header[-1] == "5-way 1-shot"


def test_codecs_have_tables_of_their_own(folder: Path) -> None:
    stored(folder, a_row("pixels", "cosine", "all pairs", 0.5, codec="float16", key="x", evaluation="cv"))
    titles = [table.title for table in distance_tables(distance_rows(folder))]
    assert titles == [
        "photos, stored as float16: distances between 10 labelled images of 2 classes, in %",
        "photos: distances between 10 test images of 2 classes, in %",
    ]


def test_only_the_latest_inputs_are_shown(folder: Path) -> None:
    stored(folder, a_row("pixels", "euclidean", "all pairs", 0.25, inputs_sha256="new", key="new"))
    (table,) = distance_tables(distance_rows(folder))
    assert table.backbones["pixels"][0][1] == "25.0 ±1.2"


def test_markdown_names_backbone_and_metric_on_each_line(folder: Path) -> None:
    text = distances_markdown(distance_rows(folder))
    assert "| resnet18 | manhattan | 75.0 ±1.2 |" in text
    assert text.count("| pixels | ") == 2
    assert "over new images" in text


def test_without_distances_there_is_nothing(tmp_path: Path) -> None:
    assert distances_markdown(distance_rows(stored(tmp_path))) == ""
