"""A recommendation as a user reads it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from embedkit.decide.candidates import Candidate, Cost
from embedkit.decide.recommendation import Gain, Recommendation, Rival
from embedkit.decide.words import model_text
from embedkit.statistics import Interval

SVM, LDA = Candidate("resnet18", "float32", "svm(C=10)", "cv"), Candidate("resnet18", "float32", "lda", "cv")
FOUND = Recommendation(
    dataset="photos",
    score="accuracy",
    budget="25",
    n_images=372,
    n_repeats=10,
    cross_validated=False,
    evaluation="fixed",
    candidate=SVM,
    cost=Cost(0.0123, 4e-6, 1_800_000_000),
    seen=Interval(0.823, 0.021),
    corrected=Interval(0.811, 0.021),
    level=[Rival(LDA, Interval(-0.004, 0.012), Cost(None, None, 1_800_000_000))],
    n_candidates=12,
    resolution=0.0213,
    larger=[Gain("25", "50", Interval(0.031, 0.012)), Gain("25", "all", Interval(0.04, 0.05))],
    last_step=Gain("5", "25", Interval(0.1, 0.02)),
    missing=[],
    n_left_out=0,
)


def test_it_says_what_to_take_how_sure_that_is_what_labels_bring_and_what_it_costs() -> None:
    assert str(FOUND).splitlines() == [
        "photos: take svm(C=10) on resnet18",
        "With 25 labels per class its accuracy is 81.1% ±2.1 (372 test images, 10 draws of labels). "
        "It looked like 82.3% ±2.1;",
        "what it owes to the choice among 2 on these very images is taken off.",
        "Of 12 that were tried 1 cannot be told from the best, 10 are behind.",
        "This test is too small to separate heads that differ by less than about 2.1 points.",
        "More labels: 50 labels per class +3.1 ±1.2 points; all labels +4.0 ±5.0 points (may be nothing).",
        "On one core it takes 12.3 ms to choose parameters and fit, and 4.00 µs for each new image, "
        "after 1.8 GMAC of the",
        "network.",
        "",
        "  head       difference (points)  choose and fit  predict one",
        "  svm(C=10)                    -         12.3 ms      4.00 µs",
        "  lda                  -0.4 ±1.2               -            -",
    ]


def test_where_the_backbones_differ_the_table_says_which() -> None:
    elsewhere = Rival(replace(LDA, backbone="pixels"), Interval(0.004, 0.012), Cost(0.001, 1e-7, 0))
    text = str(replace(FOUND, level=[elsewhere]))
    assert "within 1 point of it the cheapest: lda on pixels had +0.4 ±1.2 points." in " ".join(text.split("\n"))
    assert "  lda          pixels            +0.4 ±1.2         1.00 ms     0.100 µs" in text


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"level": []}, "It is ahead of all 11 others that were tried."),
        ({"level": [], "n_candidates": 2}, "It is ahead of the only other one that was tried."),
        ({"n_candidates": 3}, "Of 3 that were tried 1 cannot be told from the best, 1 is behind."),
        ({"level": [], "n_candidates": 1, "resolution": None}, "Nothing else was tried."),
        ({"level": [], "n_candidates": 1, "n_left_out": 11}, "Nothing else was compared: 11 others were left out"),
        ({"n_left_out": 1}, "10 are behind; 1 other was left out, as asked."),
        ({"larger": []}, "More labels were not tried; the last step, from 5 to 25 labels per class, brought +10.0"),
        ({"larger": [], "last_step": None}, "What more labels would bring was not tried"),
        ({"cross_validated": True}, "(372 labelled images in 5 folds, 10 draws of labels)"),
        ({"budget": "all"}, "With all labels its accuracy is"),
        ({"budget": "200 total"}, "With 200 labels in all its accuracy is"),
        ({"budget": "1%"}, "With 1% of labels its accuracy is"),
        ({"candidate": replace(SVM, codec="pca(dim=8)", selection="default")},
         "photos: take svm(C=10) on resnet18 through pca(dim=8) with default parameters"),
        ({"missing": [LDA]}, "Not all is there: without complete results at this budget are lda on resnet18. The same"),
        ({"level": FOUND.level * 11, "n_candidates": 12}, "  and 3 more"),
    ],
)  # fmt: skip
def test_other_cases_have_words_of_their_own(changed: dict[str, object], told: str) -> None:
    assert told in str(replace(FOUND, **changed))  # type: ignore[arg-type]


def test_errors_are_told_as_they_are() -> None:
    found = replace(
        FOUND,
        score="mae",
        budget="100",
        seen=Interval(-1.234, 0.1),
        corrected=Interval(-1.3, 0.1),
        resolution=0.0512,
        larger=[Gain("100", "200", Interval(0.25, 0.1))],
    )
    text = str(found)
    assert "With 100 labels its mean absolute error is 1.30 ±0.10" in text
    assert "heads whose errors differ by less than about 0.0512" in text
    assert "More labels: 200 labels error -0.250 ±0.100." in text
    assert "+0.0040 ±0.0120" in text


def test_a_model_says_what_it_was_made_from_and_what_to_expect() -> None:
    about = {
        "data": {"name": "photos", "n_labeled": 500, "n_labeled_from_test": 100},
        "backbone": {"name": "resnet18"},
        "codec": "pca(dim=8)",
        "head": {"spec": "svm", "selected": {"C": 10}},
        "score": {"metric": "accuracy", "dataset": "photos", "budget": "25", "expected": 0.8, "half_width": 0.02,
                  "before_correction": 0.82, "n_candidates": 12, "n_level": 3},
    }  # fmt: skip
    assert model_text(about).splitlines() == [
        "svm on resnet18 through pca(dim=8), fitted to 500 labelled images of photos, 100 test images among them",
        "chosen inside these: C=10",
        "To be expected: accuracy 80.0% ±2.0, as measured on photos with 25 labels per class, "
        "without what it owes to the",
        "choice among 3 on its test images. No image is left to test this model on.",
    ]
