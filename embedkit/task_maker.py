"""From trials to tasks: the draw of labels, and where rows, pool and images of a trial are."""

from __future__ import annotations

import sqlite3
from typing import Any

import numpy as np

from embedkit import results, sampling
from embedkit.backbones import Backbone
from embedkit.codecs import make_codec
from embedkit.datasets import Dataset
from embedkit.embeddings import store
from embedkit.embeddings.extract import effective_key
from embedkit.errors import NotApplicable
from embedkit.heads import HEADS, all_params
from embedkit.heads.problem import uses_pool
from embedkit.plan import Bench, Plan
from embedkit.results import ImageSet
from embedkit.shared_images import LoadedImages
from embedkit.spec import parse, parse_chain
from embedkit.trials import Task, Trial, head_seed


def device_of(trial: Trial, device: str) -> str:
    """Where the head of a trial works, in a study on this device."""
    return device if HEADS[parse(trial.head).name].gpu else "cpu"


def trains_network(trial: Trial) -> bool:
    """Whether the head of a trial is fitted on images."""
    return HEADS[parse(trial.head).name].trains_network


class TaskMaker:
    """Turns trials into tasks: draws labels, and looks up what rows say about embedding and draw."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._tests: dict[tuple[str, int, int | None], tuple[np.ndarray, str]] = {}
        self._embeddings: dict[tuple[str, str], tuple[str, dict[str, Any]]] = {}
        self._last_pool: tuple[tuple[str, int, int | None], np.ndarray] | None = None
        self._images: dict[tuple[str, str], LoadedImages] = {}

    def dim(self, trial: Trial) -> int:
        """Width of the embedding."""
        key, _ = self._embedding(trial)
        return store.read(key).shape[1]

    def make(self, trial: Trial, connection: sqlite3.Connection) -> Task:
        """The task of a trial; the first time that a test set is met, it is stored.

        Raises
        ------
        NotApplicable
            Where the draw holds a single class.
        """
        bench = self._plan.benches[trial.dataset]
        evaluation = bench.evaluation
        of_classes = evaluation.task == "classification"
        budget = next(budget for budget in bench.budgets if str(budget) == trial.budget)
        among, _ = evaluation.split(trial.repeat, trial.fold)
        train = sampling.draw(evaluation, budget, trial.repeat, trial.fold)
        test, test_sha256 = self._test(trial, bench, connection)
        embeddings, about_backbone = self._embedding(trial)
        pool = self._pool(trial, bench) if learns_from_pool(trial) else None
        _, backbone = self._sources(trial)
        fitted_on = "labelled" if pool is None and not backbone.training_passes else "labelled, pool"
        return Task(
            trial=trial,
            embeddings=embeddings,
            train=train,
            y_train=evaluation.truth[train],
            train_groups=evaluation.groups[train],
            test=test,
            y_test=evaluation.truth[test],
            test_groups=evaluation.groups[test],
            task=evaluation.task,
            device=device_of(trial, self._plan.device),
            images=self._loaded_images(trial) if trains_network(trial) else None,
            n_classes=len(evaluation.classes),
            head_seed=head_seed(evaluation.salt, trial.repeat),
            pool=pool,
            known={
                "experiment": trial.experiment,
                "task": evaluation.task,
                "evaluation": evaluation.kind,
                "n_labeled": len(train),
                "n_pool": len(among),
                "n_test": len(test),
                "n_classes": len(np.unique(evaluation.labels[among])) if of_classes else None,
                "draw_sha256": sampling.ids_sha256(evaluation, train),
                "test_sha256": test_sha256,
                "fitted_on": fitted_on,
                **about_backbone,
            },
        )

    def _test(self, trial: Trial, bench: Bench, connection: sqlite3.Connection) -> tuple[np.ndarray, str]:
        evaluation = bench.evaluation
        place = (trial.dataset, trial.repeat if evaluation.kind == "cv" else 0, trial.fold)
        if place not in self._tests:
            test = evaluation.split(trial.repeat, trial.fold)[1]
            ids = [evaluation.ids[i] for i in test]
            images = ImageSet.of(ids, evaluation.truth[test], evaluation.groups[test], evaluation.classes)
            results.write_image_set(connection, images)
            self._tests[place] = test, images.sha256
        return self._tests[place]

    def _pool(self, trial: Trial, bench: Bench) -> np.ndarray:
        place = (trial.dataset, trial.repeat if bench.evaluation.kind == "cv" else 0, trial.fold)
        if self._last_pool is None or self._last_pool[0] != place:
            self._last_pool = place, bench.evaluation.pool_beside(trial.repeat, trial.fold)
        return self._last_pool[1]  # one array for a group, which is then sent to a worker once

    def _loaded_images(self, trial: Trial) -> LoadedImages:
        place = (trial.dataset, trial.backbone)
        if place not in self._images:
            dataset, backbone = self._sources(trial)
            self._images = {place: LoadedImages(dataset, backbone, self._plan.device, self.dim(trial))}  # one at a time
        return self._images[place]

    def _sources(self, trial: Trial) -> tuple[Dataset, Backbone]:
        bench = self._plan.benches[trial.dataset]
        backbone = bench.backbones[trial.backbone]
        assert not isinstance(backbone, NotApplicable)
        return bench.dataset, backbone

    def _embedding(self, trial: Trial) -> tuple[str, dict[str, Any]]:
        place = (trial.dataset, trial.backbone)
        if place not in self._embeddings:
            dataset, backbone = self._sources(trial)
            key = effective_key(dataset, backbone, self._plan.device)
            self._embeddings[place] = key, about_backbone(key, backbone)
        return self._embeddings[place]


def learns_from_pool(trial: Trial) -> bool:
    """Whether the codec or the head of a trial uses unlabelled images."""
    head = parse(trial.head)
    return make_codec(parse_chain(trial.codec)).uses_pool or uses_pool(HEADS[head.name], all_params(head))


def about_backbone(key: str, backbone: Backbone) -> dict[str, Any]:
    """Columns about the backbone that made the embeddings of a key."""
    manifest = store.manifest(key)
    return {
        "backbone_seed": backbone.recipe.get("seed"),
        "backbone_bytes": manifest["backbone_bytes"],
        "backbone_macs": manifest["backbone_macs"],
    }
