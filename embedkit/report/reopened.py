"""A page written again: from results, with the images of data sets that are still there and the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from embedkit import sampling
from embedkit.console import Console
from embedkit.datasets import Dataset, dataset_spec, download_of
from embedkit.errors import EmbedkitError
from embedkit.opening import opened
from embedkit.plan import data_sha256
from embedkit.report.materials import stored_materials
from embedkit.report.page import write_report
from embedkit.report.summary import summarise
from embedkit.results import load_runs


def rewrite_report(folder: Path, console: Console) -> Path:
    """Write ``report.html`` of all results of a folder and return its path; says which data set is without pictures.

    Nothing is downloaded, and no code of ``module(path=...)`` runs.

    Raises
    ------
    EmbedkitError
        Where there are no results, or the page cannot be written.
    """
    studies = [run["study"] for run in load_runs(folder) if "study" in run]
    summary = summarise(folder, studies[-1].get("score", "auto") if studies else "auto")
    materials = replace(stored_materials(summary.rows), datasets=_datasets(studies, summary.rows, console))
    return write_report(folder, summary, materials)


def _datasets(studies: list[dict[str, Any]], rows: pd.DataFrame, console: Console) -> dict[str, Dataset]:
    """By name; of each as it is written, the latest study says how it was divided."""
    found, known = {}, set(rows["data_sha256"])
    latest = {text: study for study in studies for text in study.get("datasets", ())}
    for text, keys in latest.items():
        try:
            dataset = _same(text, keys, known, console)
        except EmbedkitError as reason:
            console.say(f"without pictures of {text}: {reason}")
        else:
            found[dataset.name] = dataset
    return {name: dataset for name, dataset in found.items() if dataset.vectors is None}


def _same(text: str, study: dict[str, Any], known: set[str], console: Console) -> Dataset:
    spec = dataset_spec(text, study.get("labels"))
    if download := download_of(spec):
        raise EmbedkitError(f"it is not here ({download}); get it by: embedkit check {text}")
    dataset = opened(text, spec, study["task"], console)
    evaluation = sampling.plan_evaluation(dataset, study["evaluation"], study["min_class_size"])
    if data_sha256(dataset, evaluation, study["min_class_size"]) not in known:
        raise EmbedkitError("its images, labels or splits are not those of the results any more")
    return dataset
