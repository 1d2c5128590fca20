"""A finished study on vectors, its rows written through embedkit's own results: no head is fitted."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from . import data

TRAIN, TEST, WIDTH = 300, 100, 8
BUDGETS = ("1", "2", "5", "10")
HEADS = ("linear", "mlp", "svm", "logistic", "ridge", "lda", "knn", "knn(k=1)", "forest", "xgboost")
TRIALS_PER_REPEAT = len(HEADS) * len(BUDGETS)


def study_keys(folder: Path, repeats: int) -> dict[str, Any]:
    """What `embedkit.run` takes, where a repeat is 40 trials."""
    X, y = data.clusters(TRAIN + TEST, WIDTH)
    np.save(folder / "rows.npy", X)
    splits = ["train"] * TRAIN + ["test"] * TEST
    lines = [f"class {label},{split}" for label, split in zip(y, splits, strict=True)]
    (folder / "labels.csv").write_text("\n".join(["label,split", *lines]) + "\n")
    return {
        "datasets": f'vectors(path="{folder / "rows.npy"}", labels="{folder / "labels.csv"}")',
        "heads": HEADS,
        "budgets": BUDGETS,
        "repeats": repeats,
        "selection": "default",
        "jobs": 1,
        "device": "cpu",
        "out": str(folder),
        "name": "finished",
    }


def finish(keys: dict[str, Any]) -> Path:
    """Write a row and predictions for every trial of a study; returns the results folder.

    A head is right for so many of the test rows as its place in the list and the number of labels say.
    """
    from embedkit import results
    from embedkit.console import Console
    from embedkit.environment import facts
    from embedkit.plan import make_plan
    from embedkit.results import ImageSet, Predictions
    from embedkit.study import make_study

    plan = make_plan(make_study("benchmark", **keys), Console(quiet=True))
    (bench,) = plan.benches.values()
    evaluation = bench.evaluation
    test = evaluation.split(0, None)[1]
    truth = evaluation.truth[test]
    images = ImageSet.of([evaluation.ids[i] for i in test], truth, evaluation.groups[test], evaluation.classes)
    rng = np.random.default_rng(0)

    def outcome(trial: Any) -> Any:
        share = 0.5 + 0.04 * BUDGETS.index(trial.budget) + 0.02 * HEADS.index(trial.head)
        right = rng.random(len(test)) < share
        row = {
            **dataclasses.asdict(trial),
            "experiment": trial.experiment,
            "key": trial.key(),
            "task": "classification",
            "evaluation": "fixed",
            "n_labeled": int(trial.budget) * data.CLASSES,
            "n_pool": TRAIN,
            "n_test": len(test),
            "n_classes": data.CLASSES,
            "test_sha256": images.sha256,
            "draw_sha256": f"{trial.repeat} {trial.budget}",
            "fitted_on": "labelled",
            "scores": {"accuracy": float(right.mean())},
            "fit_s": 0.01,
            "predict_s": 0.01,
            "embedding_dim": WIDTH,
            "embedding_bytes": 4 * WIDTH,
            "status": "ok",
        }
        sure = np.full(len(test), 0.75)
        predicted = np.where(right, truth, (truth + 1) % data.CLASSES)
        return row, Predictions(predicted, sure, np.where(right, sure, 1 - sure))

    with results.open_results(plan.study.folder) as connection:
        about = {**facts("cpu", 1), "study": plan.study.model_dump(mode="json", exclude_none=True)}
        run_id = results.start_run(connection, "2026-01-01T00:00:00+00:00", about)
        results.write_image_set(connection, images)
        results.write(connection, run_id, [outcome(trial) for trial in plan.trials])
    return plan.study.folder
