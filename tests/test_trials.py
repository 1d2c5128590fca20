from __future__ import annotations

import dataclasses
import hashlib
import json
from typing import Any

import numpy as np
import pytest

import embedkit
from embedkit.trials import Trial, groups, head_seed

TRIAL = Trial(
    "digits", "resnet50", "float32", "ridge", "5", 2, None, "default", data_sha256="1" * 64, inputs_sha256="0" * 64
)


def test_the_key_is_the_sha256_of_what_decides_the_outcome() -> None:
    parts = [1, "0" * 64, "float32", "ridge", "5", 2, None, "default"]
    assert TRIAL.key() == hashlib.sha256(json.dumps(parts).encode()).hexdigest()


@pytest.mark.parametrize("names", [{"dataset": "moved"}, {"backbone": "resnet50(weights='renamed.pth')"}])
def test_the_key_ignores_names(names: dict[str, str]) -> None:
    assert dataclasses.replace(TRIAL, **names).key() == TRIAL.key()


@pytest.mark.parametrize(
    "change",
    [
        {"head": "ridge(alpha=1)"},
        {"budget": "10"},
        {"repeat": 3},
        {"fold": 0},
        {"selection": "cv"},
        {"codec": "float16"},
        {"inputs_sha256": "1" * 64},
    ],
    ids=lambda change: next(iter(change)),
)
def test_the_key_changes_with(change: dict[str, Any]) -> None:
    assert dataclasses.replace(TRIAL, **change).key() != TRIAL.key()


@pytest.mark.parametrize(
    ("repeat", "fold", "timed"), [(0, None, True), (0, 0, True), (0, 1, False), (1, None, False), (1, 0, False)]
)
def test_the_first_repeat_and_fold_is_timed(repeat: int, fold: int | None, timed: bool) -> None:
    assert dataclasses.replace(TRIAL, repeat=repeat, fold=fold).is_timed is timed


def test_trials_that_gain_by_it_are_grouped_over_budgets() -> None:
    trials = [
        dataclasses.replace(TRIAL, head=head, budget=budget, repeat=repeat)
        for budget in ("1", "2")
        for repeat in (0, 1)
        for head in ("svm", "knn")
    ]
    found = groups(trials)
    assert sorted((group[0].head, group[0].repeat) for group in found) == [
        ("knn", 0),
        ("knn", 0),
        ("knn", 1),
        ("knn", 1),
        ("svm", 0),
        ("svm", 1),
    ]
    assert {tuple(trial.budget for trial in group) for group in found if group[0].head == "svm"} == {("1", "2")}


def test_on_a_gpu_the_draws_of_a_budget_are_grouped_where_they_are_fitted_together() -> None:
    trials = [
        dataclasses.replace(TRIAL, head=head, budget=budget, repeat=repeat)
        for head in ("linear", "svm", "lda")
        for budget in ("1", "2")
        for repeat in (0, 1)
    ]
    found = groups(trials, "cuda")
    told = [(group[0].head, {trial.budget for trial in group}, {trial.repeat for trial in group}) for group in found]
    assert told == [
        ("linear", {"1"}, {0, 1}),
        ("linear", {"2"}, {0, 1}),
        ("svm", {"1", "2"}, {0}),
        ("svm", {"1", "2"}, {1}),
        ("lda", {"1"}, {0}),
        ("lda", {"1"}, {1}),
        ("lda", {"2"}, {0}),
        ("lda", {"2"}, {1}),
    ]


def test_folds_have_test_images_of_their_own_and_are_never_grouped() -> None:
    trials = [
        dataclasses.replace(TRIAL, head="linear", repeat=repeat, fold=fold) for repeat in (0, 1) for fold in (0, 1)
    ]
    assert groups(trials, "cuda") == [(trial,) for trial in trials]


def test_head_seeds_differ_between_repeats_and_data_sets_and_fit_31_bits() -> None:
    seeds = {head_seed(salt, repeat) for salt in ("digits", "photos") for repeat in range(50)}
    assert len(seeds) == 100
    assert all(0 <= seed < 2**31 for seed in seeds)
    assert head_seed("digits", 0) == 814374591


def test_heads_of_a_study_share_seeds_and_draws_and_budgets_share_seeds() -> None:
    rng, y = np.random.default_rng(0), np.arange(80) % 3
    X = rng.normal(size=(3, 6))[y] + rng.normal(size=(80, 6))
    rows = embedkit.compare(X, y, heads=["centroid", "forest(trees=2)"], budgets=[1, 2], repeats=2, jobs=1)
    assert len(rows) == 2 * 2 * 2 * 5
    assert (rows.groupby("repeat")["head_seed"].nunique() == 1).all()
    assert rows["head_seed"].nunique() == 2
    per_draw = rows.groupby(["budget", "repeat", "fold"], observed=True)
    assert (per_draw["draw_sha256"].nunique() == 1).all()
    assert (rows.groupby(["budget", "fold"], observed=True)["draw_sha256"].nunique() == 2).all()
