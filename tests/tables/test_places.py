from __future__ import annotations

from embedkit.tables.places import place_text


def test_what_is_usual_is_left_out() -> None:
    assert place_text({"dataset": "digits", "backbone": "pixels", "codec": "float32", "selection": "cv"}) == (
        "digits, pixels"
    )


def test_what_is_not_is_told() -> None:
    place = {"dataset": "digits", "codec": "pca(dim=8)", "head": "svm", "selection": "default", "budget": "5"}
    assert place_text(place) == "digits, stored as pca(dim=8), svm, default parameters, budget 5"
