from __future__ import annotations

import pytest

from embedkit.report.ranks import ranks_sentence, scores_by_dataset
from embedkit.report.summary import Cell, Table
from embedkit.statistics import Interval


def table(dataset: str, scores: dict[str, float], score: str = "accuracy", selection: str = "cv") -> Table:
    cells = {(head, "1"): Cell(Interval(value, 1.0), False) for head, value in scores.items()}
    return Table(dataset, "pixels", "float32", selection, score, list(scores), ["1"], cells, {})


def test_heads_are_ranked_over_data_sets_without_a_test() -> None:
    tables = [
        table("a", {"svm": 90, "lda": 80, "knn": 10, "mlp": 5}),
        table("b", {"svm": 70, "lda": 80, "knn": 10}),
        table("b", {"svm": 0, "lda": 0, "knn": 99}, selection="oracle"),
        table("c", {"svm": 1, "lda": 2, "knn": 3}, "mae"),
    ]
    assert ranks_sentence(tables) == (
        "Average rank over 3 data sets (a description: tests need 10): svm 1.3, lda 1.7, knn 3.0."
    )


def test_scores_of_a_data_set_are_means_over_its_tables() -> None:
    scores = scores_by_dataset([table("a", {"svm": 90, "lda": 80}), table("a", {"svm": 70, "lda": 80})])
    assert scores.loc["a"].to_dict() == {"svm": 80, "lda": 80}


def test_ten_data_sets_are_tested() -> None:
    tables = [table(f"{i}", {"svm": 90, "lda": 80, "knn": 10}) for i in range(10)]
    assert ranks_sentence(tables) == (
        "Average rank over 10 data sets (Friedman p = 4.5e-05, critical difference 1.0): svm 1.0, lda 2.0, knn 3.0."
    )


@pytest.mark.parametrize("tables", [[], [table("a", {"svm": 1, "lda": 2, "knn": 3})]])
def test_one_data_set_has_no_ranks(tables: list[Table]) -> None:
    assert ranks_sentence(tables) == ""
