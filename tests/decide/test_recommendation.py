"""What is recommended from known results."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import embedkit
from embedkit import results
from embedkit.decide.candidates import Candidate
from embedkit.decide.recommendation import recommend
from embedkit.errors import EmbedkitError
from embedkit.results import ImageSet, Predictions

N, REPEATS = 40, 4
FACTS = {"study": {"datasets": ["photos/"], "backbones": ['resnet18(weights="w/own.pth")']}}


@pytest.fixture
def write(tmp_path: Path) -> Any:
    """``write(head={budget: how many of 40 test images it gets right}, ...)`` makes a results folder."""

    def written(
        right: dict[tuple[str, str], dict[str, int]],
        fit_s: dict[str, float] | None = None,
        status: dict[tuple[str, str], str] | None = None,
        dataset: str = "photos",
        shifted: int = 0,
    ) -> Path:
        truth = np.arange(N) % 2
        test = ImageSet.of([f"{i}.png" for i in range(N)], truth, np.arange(N), ("cat", "dog"))
        outcomes = []
        for number, ((backbone, head), by_budget) in enumerate(right.items()):
            for budget, hits in by_budget.items():
                for repeat in range(REPEATS):
                    order = (np.arange(N) + 3 * repeat + shifted * number) % N
                    predicted = np.where(order < hits, truth, 1 - truth)
                    row = {
                        "experiment": "heads", "dataset": dataset, "backbone": backbone, "codec": "float32",
                        "head": head, "budget": budget, "repeat": repeat, "selection": "cv", "task": "classification",
                        "evaluation": "fixed", "data_sha256": "d", "inputs_sha256": backbone + head,
                        "n_labeled": 2 * int(budget), "n_pool": 60, "n_test": N, "n_classes": 2,
                        "test_sha256": test.sha256, "scores": {"accuracy": hits / N}, "status": "ok",
                        "fit_s": (fit_s or {}).get(head, 0.5) if repeat == 0 else None, "predict_s": 0.004,
                        "backbone_macs": 0 if backbone == "pixels" else 10**9,
                        "key": f"{dataset} {backbone} {head} {budget} {repeat}",
                    }  # fmt: skip
                    outcomes.append((row, Predictions(predicted, None, None)))
        for (head, budget), why in (status or {}).items():
            row = outcomes[0][0] | {"key": f"x {head} {budget}", "head": head, "budget": budget, "status": why}
            outcomes.append((row | {"error": "no luck", "scores": None}, None))  # type: ignore[arg-type]
        with results.open_results(tmp_path / "results") as connection:
            run_id = results.start_run(connection, "2026-01-01T00:00:00+00:00", FACTS)
            results.write_image_set(connection, test)
            results.write(connection, run_id, outcomes)
        return tmp_path / "results"

    return written


def test_the_best_is_taken_at_the_largest_budget(write: Any) -> None:
    folder = write({("pixels", "svm"): {"1": 20, "5": 38}, ("pixels", "knn"): {"1": 30, "5": 22}})
    [found] = recommend(folder)
    assert found.candidate == Candidate("pixels", "float32", "svm", "cv")
    assert (found.dataset, found.score, found.budget) == ("photos", "accuracy", "5")
    assert (found.n_images, found.n_repeats, found.n_candidates, found.level) == (40, 4, 2, [])
    assert found.seen.estimate == pytest.approx(38 / 40)
    assert found.corrected == found.seen
    [earlier] = recommend(folder, labels=1)
    assert earlier.candidate.head == "knn"


def test_of_level_ones_the_cheapest_is_taken_and_the_others_are_named(write: Any) -> None:
    right = {("resnet18", "svm"): {"5": 30}, ("resnet18", "lda"): {"5": 30}, ("pixels", "svm"): {"5": 30}}
    folder = write(right, fit_s={"svm": 9.0, "lda": 0.1}, shifted=5)
    [found] = recommend(folder)
    assert str(found.candidate) == "svm on pixels"
    assert {str(rival.candidate) for rival in found.level} == {"svm on resnet18", "lda on resnet18"}
    [on_network] = recommend(folder, backbone="resnet18")
    assert str(on_network.candidate) == "lda on resnet18"
    assert (on_network.cost.fit_s, on_network.cost.predict_s, on_network.cost.backbone_macs) == (0.1, 0.0001, 10**9)


def test_one_that_is_more_than_a_point_behind_is_not_level_however_cheap(write: Any) -> None:
    right = {("resnet18", "svm"): {"5": 30}, ("pixels", "svm"): {"5": 29}}
    [found] = recommend(write(right, shifted=9))
    assert found.candidate.backbone == "resnet18"
    [rival] = found.level
    assert rival.difference.estimate == pytest.approx(-1 / 40)
    assert rival.difference.half_width > 1 / 40


def test_the_score_of_one_of_many_that_are_alike_is_corrected(write: Any) -> None:
    heads = [f"svm(C={c})" for c in range(1, 21)]
    [found] = recommend(write({("pixels", head): {"5": 28 + (c == 7)} for c, head in enumerate(heads)}, shifted=7))
    assert found.candidate.head == "svm(C=8)"
    assert found.seen.estimate == pytest.approx(29 / 40)
    assert found.corrected.estimate < 28.6 / 40
    assert found.corrected.half_width == found.seen.half_width


def test_how_little_can_be_told_apart_follows_from_heads_on_the_same_embedding(write: Any) -> None:
    right = {("pixels", "svm"): {"5": 38}, ("pixels", "knn"): {"5": 38}, ("resnet18", "svm"): {"5": 20}}
    folder = write(right, shifted=9)
    [found] = recommend(folder)
    [rival] = found.level
    assert rival.candidate == Candidate("pixels", "float32", "knn", "cv")
    assert found.resolution == pytest.approx(rival.difference.half_width)
    assert recommend(folder, head="knn", backbone="pixels")[0].resolution is None


def test_gains_are_those_of_the_recommended_one_to_every_larger_budget(write: Any) -> None:
    folder = write({("pixels", "svm"): {"1": 20, "5": 30, "25": 38}})
    [found] = recommend(folder, labels=1)
    assert [(gain.of, gain.to) for gain in found.larger] == [("1", "5"), ("1", "25")]
    assert [gain.gain.estimate for gain in found.larger] == pytest.approx([10 / 40, 18 / 40])
    assert found.last_step is None
    [last] = recommend(folder)
    assert last.larger == []
    assert last.last_step is not None
    assert (last.last_step.of, last.last_step.to) == ("5", "25")


def test_what_takes_too_long_is_left_out(write: Any) -> None:
    right = {("pixels", "svm"): {"5": 38}, ("pixels", "knn"): {"5": 22}}
    folder = write(right, fit_s={"svm": 3.0, "knn": 0.01})
    assert recommend(folder, max_fit_seconds=1)[0].candidate.head == "knn"
    with pytest.raises(EmbedkitError, match=re.escape("within 0.001 s at the budget 5; the quickest took 0.01 s")):
        recommend(folder, max_fit_seconds=0.001)


def test_heads_without_complete_results_are_named(write: Any) -> None:
    right = {("pixels", "svm"): {"5": 30}, ("pixels", "knn"): {"5": 22}, ("resnet18", "svm"): {"5": 31}}
    [found] = recommend(write(right))
    assert [str(each) for each in found.missing] == ["knn on resnet18"]


def test_heads_that_are_not_applicable_are_not_missing(write: Any) -> None:
    right = {("pixels", "svm"): {"5": 30}, ("pixels", "gaussian_process"): {"1": 22}}
    [found] = recommend(write(right, status={("gaussian_process", "5"): "not_applicable"}))
    assert found.missing == []


def test_every_data_set_has_its_own(write: Any) -> None:
    write({("pixels", "svm"): {"5": 38}}, dataset="photos")
    folder = write({("pixels", "knn"): {"5": 38}}, dataset="scans")
    assert [(found.dataset, found.candidate.head) for found in recommend(folder)] == [
        ("photos", "svm"),
        ("scans", "knn"),
    ]


def test_oracle_rows_are_never_taken(write: Any, folder: Path) -> None:
    here = write({("pixels", "svm"): {"5": 30}})
    with results.open_results(here) as connection:
        connection.execute("UPDATE rows SET selection = 'oracle'")
        connection.commit()
    with pytest.raises(EmbedkitError, match="no head was tested on all test images"):
        recommend(here)


def test_numbers_are_judged_by_their_error(ages: Path) -> None:
    [found] = recommend(ages, labels=10)
    assert (found.score, found.candidate.head) == ("mae", "svm")
    assert found.seen.estimate == pytest.approx(-0.5)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"labels": "7"}, "photos: nothing was run at the budget '7'; budgets: 1, 5"),
        ({"labels": "many"}, "budget 'many' cannot be read"),
        ({"head": "lda"}, "photos: no results with the head lda at the budget 5; there are backbones: pixels;"),
        ({"backbone": "resnet18"}, "no results with the backbone resnet18 at the budget 5"),
    ],
)
def test_what_is_not_there_is_told_with_what_is(write: Any, asked: dict[str, str], told: str) -> None:
    folder = write({("pixels", "svm"): {"1": 20, "5": 38}})
    with pytest.raises(EmbedkitError, match=re.escape(told)):
        recommend(folder, **asked)


def test_no_results_are_told(tmp_path: Path) -> None:
    with pytest.raises(EmbedkitError, match="no results at"):
        recommend(tmp_path / "nothing")


def test_it_is_there_from_python(write: Any) -> None:
    assert embedkit.recommend(write({("pixels", "svm"): {"5": 38}}))[0].candidate.head == "svm"
