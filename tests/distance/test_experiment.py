"""Distances from request to rows: beside the rows of heads, found again, with reasons where there is no score."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import embedkit as ek
from embedkit.distance import comparison, experiment
from embedkit.distance.metrics import METRICS
from embedkit.embeddings import store
from embedkit.report.distances import distance_rows, distances_text
from embedkit.report.export import write_export
from embedkit.report.page import write_report
from embedkit.report.summary import summarise
from embedkit.results import load_runs

QUICK = {"backbones": ["pixels"], "metrics": ["euclidean", "whitened"], "shots": [1], "episodes": 20, "jobs": 1}
HEADS = {"backbones": ["pixels"], "heads": ["ridge"], "budgets": [1], "repeats": 1, "jobs": 1}
PAIR_SCORES = ("roc_auc", "equal_error_rate", "map", "recall_at_1", "recall_at_5", "recall_at_10")


def far_apart(folder: Path, n: int = 12) -> str:
    """Vectors of three classes far apart, as a data set."""
    labels = np.repeat([0, 1, 2], n)
    np.save(folder / "x.npy", 50 * np.eye(3)[labels] + np.random.default_rng(0).normal(size=(3 * n, 3)))
    (folder / "y.csv").write_text("\n".join(["label", *np.array(["a", "b", "c"])[labels]]))
    return f'vectors(path="{folder}/x.npy", labels="{folder}/y.csv")'


def test_there_is_a_row_for_all_pairs_and_one_for_each_number_of_shots(tmp_path: Path) -> None:
    rows = ek.distances("digits", **QUICK | {"shots": [1, 5]}, out=str(tmp_path))
    assert list(zip(rows["metric"], rows["budget"], strict=True)) == [
        (metric, budget)
        for metric in ("euclidean", "whitened")
        for budget in ("all pairs", "5-way 1-shot", "5-way 5-shot")
    ]
    assert set(rows["status"]) == {"ok"}
    assert set(rows["experiment"]) == {"distances"}
    assert set(rows["n_test"]) == {360}
    assert rows["head"].isna().all()
    assert list(rows["fitted_on"]) == ["nothing"] * 3 + ["pool"] * 3
    assert list(rows["n_labeled"]) == [0, 5, 25] * 2
    pairs, episodes = rows[rows["budget"] == "all pairs"], rows[rows["budget"] != "all pairs"]
    for score in PAIR_SCORES:
        assert pairs[[score, f"{score}_half_width"]].notna().all(axis=None)
        assert episodes[score].isna().all()
    assert episodes[["accuracy", "accuracy_half_width"]].notna().all(axis=None)


def test_classes_far_apart_are_perfect_by_every_measure(tmp_path: Path) -> None:
    keys = QUICK | {"backbones": None, "metrics": ["euclidean", "cosine", "manhattan"], "ways": 3}
    rows = ek.distances(far_apart(tmp_path), **keys, out=str(tmp_path))
    pairs = rows[rows["budget"] == "all pairs"]
    assert (pairs[[score for score in PAIR_SCORES if score != "equal_error_rate"]] == 1).all(axis=None)
    assert (pairs["equal_error_rate"] == 0).all()
    assert (rows.loc[rows["budget"] == "3-way 1-shot", "accuracy"] == 1).all()
    assert set(rows["evaluation"]) == {"cv"}
    assert set(rows["n_test"]) == {36}


def test_what_is_there_is_not_compared_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = ek.distances("digits", **QUICK, out=str(tmp_path))
    monkeypatch.setattr(store, "write_shard", None)
    monkeypatch.setattr(experiment, "evaluate", None)
    pd.testing.assert_frame_equal(ek.distances("digits", **QUICK, out=str(tmp_path)), before)
    monkeypatch.undo()
    grown = ek.distances("digits", **QUICK | {"shots": [1, 2]}, out=str(tmp_path))
    assert grown.groupby("budget", observed=True)["run_id"].unique().map(list).to_dict() == {
        "all pairs": [1],
        "5-way 1-shot": [1],
        "5-way 2-shot": [2],
    }


def test_results_do_not_depend_on_the_number_of_workers(tmp_path: Path) -> None:
    alone = ek.distances("digits", **QUICK, out=str(tmp_path / "1"))
    together = ek.distances("digits", **QUICK | {"jobs": 2}, out=str(tmp_path / "2"))
    pd.testing.assert_frame_equal(alone, together)


def test_other_numbers_of_episodes_are_other_rows_and_the_latest_is_shown(tmp_path: Path) -> None:
    ek.distances("digits", **QUICK, out=str(tmp_path))
    rows = ek.distances("digits", **QUICK | {"episodes": 30}, out=str(tmp_path))
    assert rows.groupby("budget", observed=True)["run_id"].unique().map(list).to_dict() == {
        "all pairs": [1],
        "5-way 1-shot": [2],
    }
    assert set(distance_rows(tmp_path / "digits")["key"]) == set(rows["key"])


def test_heads_and_distances_stand_in_one_file(tmp_path: Path) -> None:
    heads = ek.run("digits", **HEADS, out=str(tmp_path))
    distances = ek.distances("digits", **QUICK, out=str(tmp_path))
    folder = tmp_path / "digits"
    both = ek.load_results(folder)
    assert both.groupby("experiment").size().to_dict() == {"distances": 4, "heads": 1}
    assert set(both["key"]) == set(heads["key"]) | set(distances["key"])
    assert both.loc[both["experiment"] == "heads", ["metric", "map"]].isna().all(axis=None)
    assert both.loc[both["experiment"] == "distances", ["repeat", "fold", "selection"]].isna().all(axis=None)
    summary = summarise(folder)
    assert list(summary.rows["key"]) == list(heads["key"])
    assert [table.heads for table in summary.tables] == [["ridge"]]
    assert "run 1 of 2 in this folder" in write_report(folder, summary).read_text()
    assert [sorted({"study", "distances"} & set(run)) for run in load_runs(folder)] == [["study"], ["distances"]]
    pd.testing.assert_frame_equal(ek.run("digits", **HEADS, out=str(tmp_path))[list(heads)], heads)


def test_export_has_rows_and_tables_of_distances_alone_or_beside_heads(tmp_path: Path) -> None:
    ek.distances("digits", **QUICK, out=str(tmp_path))
    for with_heads in (False, True):
        if with_heads:
            ek.run("digits", **HEADS, out=str(tmp_path))
        write_export(tmp_path / "digits", tmp_path / "files")
        tables = (tmp_path / "files" / "tables.md").read_text()
        assert ("| ridge |" in tables) == with_heads
        assert "## digits: distances between 360 test images of 10 classes, in %" in tables
        assert (
            "| backbone | metric | ROC AUC | equal error | mAP | recall at 1 | at 5 | at 10 | 5-way 1-shot |" in tables
        )
        assert "| pixels | whitened | " in tables
        assert len((tmp_path / "files" / "rows.csv").read_text().splitlines()) == 1 + 4 + with_heads


def test_what_cannot_be_done_is_a_row_with_a_reason(tmp_path: Path) -> None:
    keys = QUICK | {"backbones": None, "shots": [1, 20]}
    rows = ek.distances(far_apart(tmp_path), **keys, ways=3, out=str(tmp_path))
    reasons = rows.set_index(["metric", "budget"])["error"]
    assert rows.set_index(["metric", "budget"])["status"].to_dict() == {
        ("euclidean", "all pairs"): "ok",
        ("euclidean", "3-way 1-shot"): "ok",
        ("euclidean", "3-way 20-shot"): "not_applicable",
        ("whitened", "all pairs"): "not_applicable",
        ("whitened", "3-way 1-shot"): "not_applicable",
        ("whitened", "3-way 20-shot"): "not_applicable",
    }
    assert reasons["euclidean", "3-way 20-shot"] == (
        "3-way 20-shot episodes need 3 classes with at least 21 tested images, duplicates and groups counted once; "
        "there are 0"
    )
    told = "whitening needs at least 100 images that are never tested on; there are 0"
    assert reasons["whitened", "all pairs"] == told
    text = distances_text(rows)
    assert f"not applicable: 3 comparisons (whitened): {told}" in text
    assert "between 36 labelled images of 3 classes" in text


def test_a_backbone_that_cannot_work_on_the_images_is_told(photos: Path, tmp_path: Path) -> None:
    rows = ek.distances(str(photos), **QUICK | {"backbones": ["autoencoder"], "ways": 2}, out=str(tmp_path))
    of_autoencoder = rows[rows["backbone"] == "autoencoder"]
    assert set(of_autoencoder["status"]) == {"not_applicable"}
    assert set(of_autoencoder["experiment"]) == {"distances"}
    assert "an autoencoder needs at least 100 images" in of_autoencoder["error"].iloc[0]


def test_a_failure_costs_only_its_own_row_and_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise ValueError("no such luck")

    monkeypatch.setattr(comparison, "episode_scores", broken)
    rows = ek.distances("digits", **QUICK, out=str(tmp_path))
    assert rows.groupby("budget", observed=True)["status"].unique().map(list).to_dict() == {
        "all pairs": ["ok"],
        "5-way 1-shot": ["failed"],
    }
    assert set(rows["error"].dropna()) == {"ValueError: no such luck"}
    monkeypatch.undo()
    assert set(ek.distances("digits", **QUICK, out=str(tmp_path))["status"]) == {"ok"}


def test_whitening_sees_at_most_so_many_images_of_the_pool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whitening = METRICS["whitened"]().fit
    assert whitening is not None
    seen: list[int] = []

    def watched(pool: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
        seen.append(len(pool))
        return whitening(pool)

    monkeypatch.setattr("embedkit.distance.metrics.whitening", watched)
    ek.distances("digits", **QUICK, out=str(tmp_path), name="whole")
    monkeypatch.setattr(comparison, "WHITENING_IMAGES_MAX", 500)
    ek.distances("digits", **QUICK, out=str(tmp_path), name="part")
    assert seen == [1437, 500]


def test_distances_are_quiet_unless_verbose(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ek.distances("digits", **QUICK, out=str(tmp_path))
    assert capsys.readouterr().out == ""
    ek.distances("digits", **QUICK, out=str(tmp_path), verbose=True)
    assert "all done" in capsys.readouterr().out


def test_a_codec_that_learns_from_the_pool_says_so(tmp_path: Path) -> None:
    keys = QUICK | {"metrics": ["euclidean"], "codecs": ["float32", "pca(dim=64)", "whiten(dim=16)"]}
    rows = ek.distances("digits", **keys, out=str(tmp_path))
    assert rows.groupby("codec")["fitted_on"].unique().map(list).to_dict() == {
        "float32": ["nothing"],
        "pca(dim=64)": ["pool"],
        "whiten(dim=16)": ["pool"],
    }
    pairs = rows[rows["budget"] == "all pairs"].set_index("codec")
    assert pairs["map"]["pca(dim=64)"] == pytest.approx(pairs["map"]["float32"], abs=1e-4)  # turned, no more
    assert pairs["embedding_dim"].to_dict() == {"float32": 64, "pca(dim=64)": 64, "whiten(dim=16)": 16}
