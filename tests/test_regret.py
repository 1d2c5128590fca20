from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import embedkit as ek
from embedkit.errors import EmbedkitError


def rows(task: str = "classification", **scores: list[float | None]) -> pd.DataFrame:
    """One head at one budget, a row per repeat, by selection."""
    score = "accuracy" if task == "classification" else "mae"
    return pd.DataFrame(
        {
            "dataset": "photos", "backbone": "pixels", "codec": "float32", "head": "svm", "budget": "5",
            "repeat": repeat, "fold": pd.NA, "selection": selection, "task": task, score: value,
            "status": "failed" if value is None else "ok",
        }
        for selection, values in scores.items()
        for repeat, value in enumerate(values)
    )  # fmt: skip


def test_gain_and_regret_are_paired_means() -> None:
    (found,) = ek.selection_regret(rows(default=[0.5, 0.7], cv=[0.6, 0.6], oracle=[0.7, 0.8])).to_dict("records")
    assert (found["head"], found["budget"], found["trials"]) == ("svm", "5", 2)
    assert [found[name] for name in ("default", "cv", "oracle")] == pytest.approx([0.6, 0.6, 0.75])
    assert (found["gain"], found["regret"]) == pytest.approx((0.0, 0.15))
    assert found["regret_half_width"] == pytest.approx(12.7062 * np.std([0.1, 0.2], ddof=1) / np.sqrt(2), rel=1e-4)


def test_of_errors_less_is_better() -> None:
    (found,) = ek.selection_regret(rows("regression", default=[5.0], cv=[4.0], oracle=[3.5])).to_dict("records")
    assert (found["gain"], found["regret"]) == (1.0, 0.5)


def test_trials_that_a_selection_lacks_are_left_out() -> None:
    (found,) = ek.selection_regret(rows(cv=[0.6, 0.9], oracle=[0.7, None])).to_dict("records")
    assert found["trials"] == 1
    assert found["regret"] == pytest.approx(0.1)
    assert "gain" not in found


@pytest.mark.parametrize(("there", "held"), [({"cv": [0.5]}, "cv"), ({"default": [0.5]}, "default")])
def test_one_selection_is_told(there: dict[str, list[float | None]], held: str) -> None:
    with pytest.raises(EmbedkitError, match=rf"these rows hold: {held}\. Run the study again with another --selection"):
        ek.selection_regret(rows(**there))


def test_it_works_on_a_study_that_ran_thrice(tmp_path: object) -> None:
    asked = {"backbones": ["pixels"], "heads": ["centroid"], "budgets": [5], "repeats": 2, "jobs": 1, "controls": False}
    for selection in ("cv", "default", "oracle"):
        ek.run("digits", selection=selection, out=str(tmp_path), **asked)
    (found,) = ek.selection_regret(ek.load_results(f"{tmp_path}/digits")).to_dict("records")
    assert found["trials"] == 2
    assert all(0.5 < found[name] < 1 for name in ("default", "cv", "oracle"))
