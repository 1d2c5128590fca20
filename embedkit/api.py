"""embedkit from Python: the same studies without a command line."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from embedkit.console import Console
from embedkit.errors import EmbedkitError
from embedkit.frames import load_results
from embedkit.study import Study, make_study

if TYPE_CHECKING:
    import pandas as pd

    from embedkit.datasets.dataset import Dataset
    from embedkit.distance.comparison import Comparison
    from embedkit.trials import Trial


def run(datasets: str | Sequence[str], *, verbose: bool = False, **keys: Any) -> pd.DataFrame:
    """Run a study, or what is left to do of it, and return its rows.

    Parameters
    ----------
    datasets : str or sequence of str
        Names, folders of images, or specs.
    verbose : bool
        Print what ``embedkit run`` prints while it works.
    **keys
        Every key of a study file: backbones, heads, budgets, repeats, ...

    Returns
    -------
    DataFrame
        One row per trial of this study, as `load_results` gives them; the folder is ``out/name``.

    Raises
    ------
    EmbedkitError
        Where the study cannot run as written; all problems at once.
    """
    study = make_study("embedkit.run", datasets=datasets, **keys)
    return _rows(study, Console(quiet=not verbose))


def distances(datasets: str | Sequence[str], *, verbose: bool = False, **keys: Any) -> pd.DataFrame:
    """Compare distances between embeddings without any head, or what is left to do of that, and return its rows.

    Parameters
    ----------
    datasets : str or sequence of str
        Names, folders of images, or specs.
    verbose : bool
        Print what ``embedkit distances`` prints while it works.
    **keys
        Every option of ``embedkit distances``: backbones, codecs, metrics, ways, shots, episodes, ...

    Returns
    -------
    DataFrame
        By data set, backbone, codec and metric a row with ``budget`` "all pairs" (``roc_auc``, ``equal_error_rate``,
        ``map``, ``recall_at_1``, ``recall_at_5``, ``recall_at_10``) and one for each kind of episode, such as
        "5-way 1-shot" (``accuracy``); each score with the half-width of its 95% interval, as ``map_half_width``.

    Raises
    ------
    EmbedkitError
        Where this cannot run as written; all problems at once.
    """
    from embedkit.distance.experiment import run_distances
    from embedkit.distance.plan import plan_distances
    from embedkit.distance.request import make_distance_request

    console = Console(quiet=not verbose)
    plan = plan_distances(make_distance_request("embedkit.distances", datasets=datasets, **keys), console)
    return _with_keys(load_results(run_distances(plan, console)), plan.comparisons)


def compare(
    X: Any,
    y: Any,
    *,
    groups: Any = None,
    name: str | None = None,
    verbose: bool = False,
    **keys: Any,
) -> pd.DataFrame:
    """Compare heads on vectors that are there already, such as DINO or CLIP embeddings.

    Parameters
    ----------
    X : array-like of shape (n, d)
        Vectors, finite.
    y : array-like of shape (n,)
        Class labels, or numbers to predict: numbers that are not all whole are predicted, and others with
        ``task="regression"``. None, NaN or an empty string for none.
    groups : array-like of shape (n,), optional
        Rows of one group never sit on both sides of a split.
    name : str, optional
        Keep the rows in ``out/name``; without a name they are only returned.
    **keys
        Every key of a study that is not about images: heads, budgets, repeats, evaluation, ...

    Returns
    -------
    DataFrame
        One row per trial, as `load_results` gives them.
    """
    from embedkit.datasets.vectors import from_arrays

    foreign = sorted({"datasets", "labels", "backbones", "controls", "trust_code"} & set(keys))
    if foreign:
        raise EmbedkitError(f"embedkit.compare: {foreign[0]} is about images; leave it out")
    if "out" in keys and name is None:
        raise EmbedkitError("embedkit.compare: out needs a name: rows are kept in out/name")
    with nullcontext() if name is not None else tempfile.TemporaryDirectory() as folder:
        where = {"name": name} if folder is None else {"name": "vectors", "out": folder}
        study = make_study("embedkit.compare", **keys | where)
        grouped = None if groups is None else _as_text(groups)
        dataset = from_arrays(X, _as_text(y), grouped, None, name or "vectors", study.task)
        return _rows(study, Console(not verbose), dataset)


def _as_text(values: Any) -> list[str]:
    """Text for each value, empty where it is missing."""
    import pandas as pd

    return ["" if pd.isna(value) else str(value) for value in np.asarray(values, dtype=object).ravel()]


def _rows(study: Study, console: Console, given: Dataset | None = None) -> pd.DataFrame:
    from embedkit.experiment import run_study
    from embedkit.plan import make_plan

    plan = make_plan(study, console, given)
    return _with_keys(load_results(run_study(plan, console)), plan.trials)


def _with_keys(rows: pd.DataFrame, measurements: Sequence[Trial] | Sequence[Comparison]) -> pd.DataFrame:
    """The rows of these trials or comparisons."""
    mine = rows[rows["key"].isin([measurement.key() for measurement in measurements])].reset_index(drop=True)
    mine["budget"] = mine["budget"].cat.remove_unused_categories()
    return mine


def embed(
    dataset: str,
    backbone: str,
    *,
    split: Literal["train", "test", "all"] = "all",
    task: Literal["auto", "classification", "regression"] = "auto",
    device: str = "cpu",
    trust_code: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """Embeddings of a data set, made now or found in the store; with ``split="all"`` no image needs a label.

    Parameters
    ----------
    dataset, backbone : str
        Specs, as on the command line.
    split : {"train", "test", "all"}
        Images that labels are drawn from, and unlabelled ones; test images; or both.
    task : {"auto", "classification", "regression"}
        As on the command line.
    trust_code : bool
        Run the Python file that a backbone such as ``module(path="nets.py:build")`` names.

    Returns
    -------
    X : ndarray of float32, shape (n, d)
    y : ndarray of shape (n,)
        Class names (str), empty where an image has no label; or targets (float64), NaN where it has none.
    """
    from embedkit.backbones import Images, make_backbone
    from embedkit.datasets import dataset_spec, open_dataset
    from embedkit.embeddings import store
    from embedkit.embeddings.extract import extract
    from embedkit.sampling import plan_evaluation, pool_of
    from embedkit.spec import parse

    if split not in ("train", "test", "all"):
        raise EmbedkitError(f"unknown split {split!r}; splits are train, test and all")
    opened = open_dataset(dataset_spec(dataset), task=task)
    indices = np.arange(len(opened))
    if split != "all":
        evaluation = plan_evaluation(opened)
        indices = evaluation.test if split == "test" else np.union1d(evaluation.pool, evaluation.candidates)
    bound = make_backbone(parse(backbone), Images(opened, pool_of(opened)), trust_code)
    embeddings = store.read(extract(opened, bound, device, lambda done, doing: None))
    if opened.targets is not None:
        return embeddings[indices], opened.targets[indices]
    names = np.array([*opened.classes, ""])
    return embeddings[indices], names[opened.labels[indices]]
