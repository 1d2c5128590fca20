"""Which pipeline a study means for a data set."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from embedkit import results
from embedkit.decide.candidates import Candidate, Cost
from embedkit.decide.pipeline import located_backbone, pipeline_for
from embedkit.decide.recommendation import Recommendation
from embedkit.errors import EmbedkitError
from embedkit.statistics import Interval

FOUND = Recommendation(
    "photos", "accuracy", "25", 100, 5, False, "cv", Candidate("pixels", "float16", "svm", "default"),
    Cost(None, None, None), Interval(0.8, 0.1), Interval(0.8, 0.1), [], 1, None, [], None, [], 0,
)  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Results of two runs; only what they say of their studies is there."""
    with results.open_results(tmp_path / "results") as connection:
        for backbones in (['resnet18(weights="old/own.pth")'], ['resnet18(weights="new/own.pth")', "vit_b_16"]):
            results.start_run(connection, "2026-01-01", {"study": {"backbones": backbones}})
        results.start_run(connection, "2026-01-01", {"study": {}})
    return tmp_path / "results"


def test_files_are_found_where_the_latest_study_had_them(folder: Path) -> None:
    assert str(located_backbone('resnet18(weights="own.pth")', folder)) == 'resnet18(weights="new/own.pth")'


@pytest.mark.parametrize("shown", ["pixels", 'resnet18(weights="none")', "vit_b_16", 'alexnet(weights="x.pth")'])
def test_what_no_study_wrote_is_as_it_is_shown(folder: Path, shown: str) -> None:
    assert str(located_backbone(shown, folder)) == shown


def test_the_recommendation_of_the_same_name_is_taken(folder: Path) -> None:
    other = replace(FOUND, dataset="scans", candidate=replace(FOUND.candidate, head="lda"))
    pipeline = pipeline_for("scans", [FOUND, other], folder, None)
    assert str(pipeline.head) == "lda"
    assert (str(pipeline.backbone), pipeline.codec, pipeline.selection) == ("pixels", "float16", "default")
    assert (pipeline.evaluation, pipeline.recommendation) == ("cv", other)


def test_the_only_one_is_taken_for_any_name(folder: Path) -> None:
    assert str(pipeline_for("more photos", [FOUND], folder, None).head) == "svm"
    with pytest.raises(EmbedkitError, match=re.escape("holds results of photos, scans, and none of more photos")):
        pipeline_for("more photos", [FOUND, replace(FOUND, dataset="scans")], folder, None)


def test_a_backbone_that_is_written_says_where_its_file_is(folder: Path) -> None:
    written = 'resnet18(weights="third/own.pth")'
    assert str(pipeline_for("photos", [FOUND], folder, written).backbone) == written
