"""Fitting a pipeline to all labelled images of a data set."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np

from embedkit import sampling
from embedkit.backbones import Backbone, Images, Network, make_backbone
from embedkit.codecs import make_codec
from embedkit.codecs.stored import Coded
from embedkit.console import Console
from embedkit.datasets import Dataset, cards, dataset_spec
from embedkit.decide.describe import describe
from embedkit.decide.embedder import Embedder
from embedkit.decide.fitted import Fitted
from embedkit.decide.model import Model
from embedkit.decide.network_files import kept_files
from embedkit.decide.pipeline import (
    Pipeline,
    check_written,
    pipeline_for,
    recommended_pipelines,
    written_pipeline,
)
from embedkit.decide.training_images import TrainingImages
from embedkit.embeddings import store
from embedkit.embeddings.extract import extract, forward_passes
from embedkit.embeddings.runtime import load_with
from embedkit.errors import EmbedkitError, NotApplicable, counted
from embedkit.heads import HEADS, all_params
from embedkit.heads.finite import check_finite
from embedkit.heads.pool import Pool
from embedkit.heads.problem import Problem, Rows, training_rows, unfitted, uses_pool
from embedkit.opening import opened
from embedkit.plan import chosen_device
from embedkit.selection import choose
from embedkit.spec import parse_chain, shown_name

SEED = 0


def fit(
    dataset: str,
    *,
    results: str | Path | None = None,
    backbone: str | None = None,
    codec: str | None = None,
    head: str | None = None,
    labels: str | None = None,
    task: Literal["auto", "classification", "regression"] = "auto",
    device: str = "cpu",
    trust_code: bool = False,
    verbose: bool = False,
) -> Model:
    """Fit a pipeline to all labelled images of a data set: those to train on, to validate and to test alike.

    Nothing is left to test it on: what to expect of it is what the study measured, with fewer labels. Parameters that
    the head's spec leaves open are chosen inside the labelled images. An encoder that is trained on a pool is that of
    the study, which has seen no test image; codecs and heads that use a pool take all images.

    Parameters
    ----------
    dataset : str
        A name, a folder of images, or a spec.
    results : str or Path, optional
        The results of a study, whose recommendation at its largest budget is fitted, see `embedkit.recommend`.
    backbone, codec, head : str, optional
        With `results` the recommendation is among the results with these; without, they are what is fitted.
    labels, task, device, trust_code
        As in a study.
    verbose : bool
        Print what ``embedkit fit`` prints while it works.

    Raises
    ------
    EmbedkitError
        Where it cannot be fitted: nothing recommended or labelled, weights that are not there, a head for fewer labels.
    """
    console, on = Console(quiet=not verbose), chosen_device(device)
    check_written(backbone, codec, head, trust_code)
    recommended = [] if results is None else recommended_pipelines(results, backbone, codec, head)
    written = written_pipeline(backbone, codec, head) if results is None else None
    spec = dataset_spec(dataset, labels)
    if recommended and task == "auto" and spec.name not in cards():
        task = "regression" if recommended[0].score == "mae" else "classification"
    images = opened(dataset, spec, task, console)
    sampling.check_labelled(images)
    pipeline = written or pipeline_for(images.name, recommended, str(results), backbone)
    _check_possible(pipeline, images)
    bound = _bound(pipeline, images, trust_code)
    labelled = _in_order(images)
    try:
        if HEADS[pipeline.head.name].trains_network:
            console.say(f"training {pipeline.head} on {counted(len(labelled), 'labelled image')}")
            from embedkit.decide.fine_tuned import fit_network

            fitted = fit_network(pipeline, images, labelled, bound, on, SEED)
        else:
            fitted = _on_embeddings(pipeline, images, labelled, bound, on, console)
    except NotApplicable as reason:
        raise EmbedkitError(str(reason)) from None
    training = TrainingImages.of([images.ids[i] for i in labelled], fitted.X, images.groups[labelled])
    about = describe(pipeline, images, labelled, fitted)
    return Model(about, fitted.estimator, fitted.embedder, training, fitted.learnt, fitted.files)


def _check_possible(pipeline: Pipeline, images: Dataset) -> None:
    if dict(pipeline.backbone.params).get("precision") == "int8":
        raise EmbedkitError('models are not kept in int8; give the --backbone without precision="int8"')
    found = pipeline.recommendation
    if found is not None and (found.score == "mae") != (images.task == "regression"):
        measured = "regression" if found.score == "mae" else "classification"
        raise EmbedkitError(
            f"{images.name} is for {images.task}, and these results, of {found.dataset}, for {measured}"
        )
    if images.task not in HEADS[pipeline.head.name].tasks:
        raise EmbedkitError(f"{pipeline.head.name} tells classes apart; {images.name} has numeric targets")


def _bound(pipeline: Pipeline, images: Dataset, trust_code: bool) -> Backbone:
    try:
        pool = sampling.pool_of(images, pipeline.evaluation)
        return make_backbone(pipeline.backbone, Images(images, pool), trust_code)
    except NotApplicable as reason:
        raise EmbedkitError(str(reason)) from None
    except EmbedkitError as error:
        if pipeline.recommendation is None or "cannot read the weights file" not in str(error):
            raise
        shown = shown_name(pipeline.backbone)
        raise EmbedkitError(f"{error}; where it is now, say by --backbone, as the study shows it: {shown}") from None


def _on_embeddings(
    pipeline: Pipeline, images: Dataset, labelled: np.ndarray, backbone: Backbone, device: str, console: Console
) -> Fitted:
    shown = shown_name(pipeline.backbone)
    with console.stage(f"embedding {images.name} with {shown}", forward_passes(images, backbone)) as advance:
        key = extract(images, backbone, device, advance, console.say)
    console.say(f"fitting {pipeline.head} to {counted(len(labelled), 'labelled image')}")
    coded = Coded(key, pipeline.codec, np.arange(len(images)))
    problem = _problem(pipeline, images, coded, labelled)
    try:
        choice = choose(pipeline.head, problem, images.groups[labelled], pipeline.selection)
    except NotApplicable as reason:
        raise EmbedkitError(f"{reason}; give another --head") from None
    head = HEADS[pipeline.head.name]
    estimator = unfitted(head, problem, choice.params).fit(*training_rows(head, problem, choice.params))
    learnt = coded.learnt()
    network = backbone.network(device, lambda share, doing: None)
    network = Network(network.module.to("cpu"), network.transform)
    first = images.image(0)
    embedder = Embedder(
        network,
        make_codec(parse_chain(pipeline.codec)).ready(learnt),
        store.manifest(key)["precision"],
        tuple(load_with(network)(first).shape),
        first.shape[2] if first.ndim == 3 else 1,
    )
    spec, files = kept_files(pipeline.backbone, backbone, device)
    return Fitted(estimator, choice, embedder, learnt, problem.X, backbone.recipe, spec, files)


def _in_order(images: Dataset) -> np.ndarray:
    """The labelled images, in an order by hashes of their ids, from which folds follow."""
    (labelled,) = np.nonzero(images.labels >= 0)
    ranks = [sampling.rank_hash("fit", images.recipe, images.ids[i]) for i in labelled]
    return labelled[sorted(range(len(ranks)), key=ranks.__getitem__)]


def _problem(pipeline: Pipeline, images: Dataset, coded: Coded, labelled: np.ndarray) -> Problem:
    X, _ = coded.at(labelled)
    check_finite(X)
    with_pool = uses_pool(HEADS[pipeline.head.name], all_params(pipeline.head))
    pool = Pool(lambda: coded.at(np.arange(len(images)))[0], coded.pool_key) if with_pool else None
    rows = Rows(X, pool=pool, places=labelled if with_pool else None)
    y, n_classes = images.truth[labelled], len(images.classes)
    return Problem(rows, np.arange(len(labelled)), y, images.task, n_classes, SEED)
