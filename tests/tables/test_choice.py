from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from embedkit.errors import EmbedkitError
from embedkit.tables.choice import check_columns, keep, rows_about, with_value


@pytest.fixture
def rows(folder: Path) -> pd.DataFrame:
    return rows_about(folder, ["head", "budget"])


def test_an_unknown_column_is_told_with_those_there_are(rows: pd.DataFrame) -> None:
    with pytest.raises(
        EmbedkitError, match=r"unknown column 'hed'; did you mean 'head'\? columns: experiment, dataset, backbone"
    ):
        check_columns(["hed"], rows)


def test_scores_do_not_arrange(rows: pd.DataFrame) -> None:
    with pytest.raises(EmbedkitError, match=r"accuracy is a score or cost, .* give it by --value accuracy"):
        check_columns(["accuracy"], rows)


def test_values_to_keep_are_written_as_people_do(rows: pd.DataFrame) -> None:
    assert set(keep(rows, {"budget": 5})["budget"]) == {"5"}
    assert set(keep(rows, {"head": ["svm", "mlp"], "repeat": 1})["head"]) == {"svm", "mlp"}
    assert set(keep(rows, {"repeat": 1})["repeat"]) == {1}


def test_specs_to_keep_may_be_spelled_freely(rows: pd.DataFrame) -> None:
    spelled = rows.assign(head=rows["head"].replace("svm", 'knn(k=5, metric="cosine")'))
    assert len(keep(spelled, {"head": "knn(metric='cosine',k=5)"})) == 6


def test_a_value_that_does_not_occur_is_told_with_those_that_do(rows: pd.DataFrame) -> None:
    with pytest.raises(
        EmbedkitError, match=r"no trial has head 'smv'; did you mean 'svm'\? there are: forest, mlp, svm, xgboost"
    ):
        keep(rows, {"head": "smv"})


def test_values_that_do_not_occur_together_are_told(rows: pd.DataFrame) -> None:
    with pytest.raises(EmbedkitError, match="no trial has head xgboost and budget 5 at once"):
        keep(rows, {"head": "xgboost", "budget": 5})


def test_an_unknown_value_is_told_with_those_there_are(rows: pd.DataFrame) -> None:
    with pytest.raises(EmbedkitError, match=r"unknown value 'acuracy'; did you mean 'accuracy'\? values: .*accuracy"):
        with_value(rows, "acuracy")


def test_a_value_that_is_missing_everywhere_is_told(rows: pd.DataFrame) -> None:
    with pytest.raises(EmbedkitError, match=r"no finished trial among these has a cv_score; there are: n_labeled, .*"):
        with_value(rows, "cv_score")


def test_words_are_no_values(rows: pd.DataFrame) -> None:
    with pytest.raises(EmbedkitError, match="status is no number to show; values: n_labeled"):
        with_value(rows, "status")


def test_only_distances_have_a_metric(folder: Path) -> None:
    with pytest.raises(EmbedkitError, match="holds no comparisons of distances, and only these have a metric"):
        rows_about(folder, ["metric"])
