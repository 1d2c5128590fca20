"""Which backbones, budgets and trials a study means."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embedkit import estimate
from embedkit.console import Console
from embedkit.embeddings import store
from embedkit.embeddings.extract import effective_key, extract
from embedkit.errors import EmbedkitError, NotApplicable
from embedkit.heads import HEADS
from embedkit.plan import Plan, make_plan, unsuited, untrainable
from embedkit.study import make_study


def plan(*datasets: str, **keys: Any) -> Plan:
    return make_plan(make_study("test", datasets=datasets, **keys), Console(quiet=True))


def backbones(made: Plan) -> list[str]:
    return list(next(iter(made.benches.values())).backbones)


def test_controls_stand_before_the_backbones_they_control() -> None:
    made = plan("digits", backbones=["autoencoder(dim=16)"])
    assert backbones(made) == ["pixels", 'autoencoder(dim=16, weights="none")', "autoencoder(dim=16)"]


def test_controls_can_be_switched_off() -> None:
    assert backbones(plan("digits", backbones=["pixels(size=4)"], controls=False)) == ["pixels(size=4)"]


def test_small_images_get_an_autoencoder_by_default() -> None:
    assert backbones(plan("digits")) == ["pixels", 'autoencoder(weights="none")', "autoencoder"]


def test_photos_get_resnet50_by_default(tmp_path: Path, write_photo: Callable[..., Path]) -> None:
    for i in range(12):
        write_photo(tmp_path / "photos" / ("cat" if i % 2 else "dog") / f"{i}.png", seed=i, size=(40, 33))
    made = plan(str(tmp_path / "photos"))
    assert backbones(made) == ["pixels", 'resnet50(weights="none")', "resnet50"]


def test_a_weights_file_is_shown_without_its_folder(tmp_path: Path) -> None:
    import torch
    from torchvision.models import squeezenet1_1

    torch.save(squeezenet1_1(weights=None).state_dict(), tmp_path / "mine.pth")
    made = plan("digits", backbones=[f'squeezenet1_1(weights="{tmp_path}/mine.pth")'], controls=False)
    assert backbones(made) == ['squeezenet1_1(weights="mine.pth")']


def test_a_file_of_code_is_shown_without_its_folder_and_has_no_control_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "nets.py").write_text("from torch import nn\ndef build(): return nn.Conv2d(3, 8, 9)\n")
    made = plan("digits", backbones=[f'module(path="{tmp_path}/nets.py:build")'], trust_code=True)
    assert backbones(made) == ["pixels", 'module(path="nets.py:build")']


def test_default_budgets_that_do_not_fit_are_left_out_with_a_notice(photos: Path) -> None:
    (bench,) = plan(str(photos)).benches.values()
    assert [str(budget) for budget in bench.budgets] == ["1", "2"]
    assert "budget 5: class 'cat' of photos has 4 training images in some training fold" in " ".join(bench.notices)


def test_written_budgets_that_do_not_fit_are_told_all_at_once(photos: Path) -> None:
    with pytest.raises(EmbedkitError) as told:
        plan(str(photos), budgets=[1, 50, "100 total"])
    assert [line.split(":")[0] for line in str(told.value).splitlines()] == ["budget 50", "budget 100 total"]


def test_a_backbone_that_cannot_work_here_keeps_its_trials_with_the_reason(photos: Path) -> None:
    made = plan(str(photos), backbones=["autoencoder"], heads=["ridge"], budgets=[1], repeats=1)
    (bench,) = made.benches.values()
    assert isinstance(bench.backbones["autoencoder"], NotApplicable)
    assert sum(trial.backbone == "autoencoder" for trial in made.trials) == 5


def test_heads_without_chance_run_once_on_all_labels() -> None:
    made = plan("digits", backbones=["pixels"], heads=["ridge", "forest"], budgets=["all"], repeats=4)
    assert [trial.head for trial in made.trials] == ["ridge", "forest", "forest", "forest", "forest"]


def test_two_data_sets_of_one_name_are_told(photos: Path, tmp_path: Path) -> None:
    with pytest.raises(EmbedkitError, match="two data sets are called 'photos'; tell them apart by folder"):
        plan(str(photos), f'folder(path="{photos}")')


def test_data_sets_that_are_the_same_are_told(photos: Path, tmp_path: Path) -> None:
    shutil.copytree(photos, tmp_path / "copy")
    with pytest.raises(EmbedkitError, match="photos and copy hold the same images, labels and splits; leave one out"):
        plan(str(photos), str(tmp_path / "copy"))


def test_backbones_that_are_the_same_are_told() -> None:
    with pytest.raises(EmbedkitError, match=r"pixels and pixels\(size=32\) are the same backbone on digits; leave one"):
        plan("digits", backbones=["pixels", "pixels(size=32)"])


def test_a_control_that_is_asked_for_in_other_words_is_not_added_twice() -> None:
    assert backbones(plan("digits", backbones=["pixels(size=16)"])) == ["pixels(size=16)"]


def test_no_budget_that_fits_is_told(tmp_path: Path, write_photo: Callable[..., Path]) -> None:
    lines = ["path,label,group"]
    for i in range(24):
        write_photo(tmp_path / "photos" / f"{i}.png", seed=i)
        lines.append(f"{i}.png,{'rare' if i in (0, 4) else 'cat' if i % 2 else 'dog'},{i // 4}")
    (tmp_path / "labels.csv").write_text("\n".join(lines))
    with pytest.raises(EmbedkitError, match="no default budget fits; budget 1: class 'rare' of photos has 0 training"):
        plan(str(tmp_path / "photos"), labels=str(tmp_path / "labels.csv"))


def test_vectors_take_no_backbone(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(20, 3)))
    (tmp_path / "y.csv").write_text("label\n" + "a\nb\n" * 10)
    spec = f'vectors(path="{tmp_path}/x.npy", labels="{tmp_path}/y.csv")'
    assert backbones(plan(spec)) == ["vectors"]
    with pytest.raises(EmbedkitError, match="the backbone 'resnet18' needs images; x holds vectors: leave it out"):
        plan(spec, backbones=["resnet18"])


def test_no_cuda_device_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(EmbedkitError, match="--device cuda: torch finds no CUDA device; use --device cpu or auto"):
        plan("digits", device="cuda")


def test_the_key_of_a_trial_does_not_depend_on_what_else_is_asked() -> None:
    alone = plan("digits", backbones=["pixels"], heads=["ridge"], budgets=[5], repeats=1)
    among = plan("digits", backbones=["pixels"], heads=["svm", "ridge"], budgets=[1, 5], repeats=3)
    assert {trial.key() for trial in alone.trials} <= {trial.key() for trial in among.trials}


@pytest.mark.parametrize(("budget", "expected"), [("5", 50), ("200 total", 200), ("10%", 143.7), ("all", 1437)])
def test_the_number_of_labels_of_a_trial(budget: str, expected: float) -> None:
    made = plan("digits", backbones=["pixels"], heads=["ridge"], budgets=[budget], repeats=1)
    assert estimate.n_labeled(made.benches["digits"], made.trials[0]) == pytest.approx(expected)


def test_embeddings_that_are_there_cost_nothing_in_the_estimate() -> None:
    made = plan("digits", backbones=["pixels"], heads=["ridge"], budgets=[1], repeats=1)
    bench = made.benches["digits"]
    seconds, dim = estimate.embedding_cost(made, bench, "pixels")
    assert seconds > 0
    assert dim == 64
    backbone = bench.backbones["pixels"]
    assert not isinstance(backbone, NotApplicable)
    extract(bench.dataset, backbone, "cpu", lambda done, doing: None)
    assert estimate.embedding_cost(made, bench, "pixels") == (0.0, 64)


def test_the_estimate_counts_images_that_are_not_stored_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    made = plan("digits", backbones=["pixels"], heads=["ridge"], budgets=[1], repeats=1)
    bench = made.benches["digits"]
    ticks = itertools.count()
    monkeypatch.setattr(estimate.time, "perf_counter", lambda: float(next(ticks)))
    whole = estimate.embedding_cost(made, bench, "pixels")[0]
    backbone = bench.backbones["pixels"]
    assert not isinstance(backbone, NotApplicable)
    store.write_shard(effective_key(bench.dataset, backbone, "cpu"), 0, np.zeros((1024, 64)))
    left = estimate.embedding_cost(made, bench, "pixels")[0]
    assert left / whole == pytest.approx((1797 - 1024) / 1797)


def test_numeric_targets_have_default_budgets_of_their_own() -> None:
    (bench,) = plan("rotated_digits", backbones=["pixels"]).benches.values()
    assert [str(budget) for budget in bench.budgets] == ["10", "25", "50", "100", "250", "500", "1000"]
    assert bench.evaluation.kind == "fixed"


def test_classes_and_numbers_can_be_compared_in_one_study() -> None:
    made = plan("digits", "rotated_digits", backbones=["pixels"], heads=["ridge"], budgets=[10], repeats=1)
    assert [bench.dataset.task for bench in made.benches.values()] == ["classification", "regression"]
    sizes = [estimate.n_labeled(made.benches[trial.dataset], trial) for trial in made.trials]
    assert sizes == [100, 10]


def test_a_score_that_does_not_suit_a_data_set_is_told() -> None:
    with pytest.raises(EmbedkitError, match="score 'accuracy' does not suit rotated_digits"):
        plan("rotated_digits", score="accuracy")


@pytest.mark.parametrize(
    ("head", "reason"),
    [("lda(x=1)", "lda tells classes apart; rotated_digits has numeric targets"), ("ridge(alpha=2)", "")],
)
def test_heads_that_only_tell_classes_apart_do_not_suit_numeric_targets(head: str, reason: str) -> None:
    (bench,) = plan("rotated_digits", backbones=["pixels"]).benches.values()
    assert unsuited(head, bench) == reason


def test_all_heads_suit_classes() -> None:
    (bench,) = plan("digits", backbones=["pixels"]).benches.values()
    assert {unsuited(head, bench) for head in HEADS} == {""}


@pytest.mark.parametrize(
    ("head", "backbone", "reason"),
    [
        ("finetune(steps=5)", "pixels(size=8)", "finetune trains a network; pixels(size=8) has none"),
        ("finetune", "vectors", "finetune trains a network; vectors has none"),
        ("finetune", 'autoencoder(weights="none")', ""),
        ("svm", "pixels", ""),
    ],
)
def test_what_has_no_network_cannot_be_trained(head: str, backbone: str, reason: str) -> None:
    assert untrainable(head, backbone) == reason


def test_a_head_that_sees_no_stored_embeddings_is_tried_with_one_codec_only() -> None:
    made = plan("digits", heads=["finetune", "ridge"], codecs=["float16", "float32"], budgets=[1], repeats=1)
    codecs = {head: {trial.codec for trial in made.trials if trial.head == head} for head in ("finetune", "ridge")}
    assert codecs == {"finetune": {"float16"}, "ridge": {"float16", "float32"}}


def test_the_estimate_of_training_the_network_counts_images_that_pass_through_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keys = {"backbones": ["autoencoder"], "controls": False, "budgets": [10, 50], "repeats": 2, "jobs": 4}
    made = plan("digits", heads=["finetune(steps=7, epochs=2)"], **keys)
    monkeypatch.setattr(estimate, "image_seconds", lambda *_: estimate.ImageSeconds(0.0, 0.5, 64))
    monkeypatch.setattr(estimate, "n_fits", lambda *_: 0)
    seconds = {(t.budget, t.repeat): estimate.trial_seconds(made, t, 64) for t in made.trials}
    few, many = 3 * 7 * 32 + 2 * 100 + 360, 3 * round(2 * 500 / 32) * 32 + 2 * 500 + 360
    assert seconds == {
        ("10", 0): 4 * few / 2,  # timed, on one core
        ("10", 1): few / 2,
        ("50", 0): pytest.approx(4 * many / 2),
        ("50", 1): pytest.approx(many / 2),
    }
