"""How often heads err, and how many of their answers are not those of the reference: on the bundled digits.

Every head that works on embeddings, at budgets 1, 5 and 25, on pixels and on the embeddings of an autoencoder, with
its default parameters: the mean of the first five repeats of the study `digits_low_label`, whose results lie in
``results/reference``. Label draws are by image, so that repeats and budgets are the same ones there.

asv judges by ratios, and larger is worse. So errors are tracked as 1 + error: with a factor of 1.01 that tells of a
rise by one to two points. The share of answers that differ from the reference's counts twice, as 1 + 2 x share: the
same factor then tells of half a point of them, which is what `embedkit verify-reference` bears.

The reference is the one that lies beside this file, whatever commit is measured. Its encoder was trained on one
machine; elsewhere some answers on the autoencoder differ from the start.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import torch

import embedkit as ek

from . import pinned
from .names import HEADS, IN_REFERENCE, REGRESSORS

assert pinned

BACKBONES = ["pixels", "autoencoder"]
BUDGETS = [1, 5, 25]
REFERENCE = Path(__file__).parents[2] / "results" / "reference" / "digits_low_label"


def train_as_for_reference() -> None:
    """Train encoders with two threads: with another number of them training ends in other weights."""
    torch.set_num_threads(2)


def setup_cache() -> None:
    """Nothing yet: it is for the folder, where benchmarks find what those before them embedded and ran."""


setup_cache.timeout = 60


def kept(file: Path, make: Callable[[], pd.DataFrame]) -> pd.DataFrame:
    """A table that the first benchmark to need it makes, for those that come later."""
    if not file.exists():
        table = make()  # may make the folder, too
        table.to_csv(file, index=False)
    return pd.read_csv(file, dtype={"budget": str})


def trials(
    head: str, backbone: str, dataset: str = "digits", budgets: list[int] = BUDGETS
) -> tuple[pd.DataFrame, Path]:
    """The trials of a head and the folder of their results; raises where one failed."""
    folder = Path("trials", "-".join(re.sub(r"\W+", "_", name) for name in (dataset, backbone, head)))

    def run() -> pd.DataFrame:
        train_as_for_reference()
        rows = ek.run(
            dataset,
            backbones=[backbone],
            controls=False,
            heads=[head],
            budgets=budgets,
            repeats=5,
            selection="default",
            jobs=1,
            device="cpu",
            out=str(folder.parent),
            name=folder.name,
        )
        failed = rows[rows["status"] != "ok"]
        if len(failed):
            raise RuntimeError(f"{len(failed)} of {len(rows)} trials did not end well: {failed['error'].iloc[0]}")
        return rows

    return kept(folder / "rows.csv", run), folder


class Heads:
    """Errors of classifiers."""

    version = "2"
    timeout = 300
    param_names = ("head", "backbone", "budget")
    params = (HEADS, BACKBONES, BUDGETS)

    def setup(self, head: str, *_: Any) -> None:
        skip_unknown(head)

    def track_error(self, head: str, backbone: str, budget: int) -> float:
        rows, _ = trials(head, backbone)
        return 2 - rows.loc[rows["budget"] == str(budget), "accuracy"].mean()

    track_error.unit = "1 + error"


class Answers:
    """Answers of classifiers that are not those of the reference, of the heads that it holds."""

    version = hashlib.sha256((REFERENCE / "results.sqlite").read_bytes()).hexdigest()[:8]
    timeout = 300
    param_names = ("head", "backbone", "budget")
    params = (IN_REFERENCE, BACKBONES, BUDGETS)

    def setup(self, head: str, *_: Any) -> None:
        skip_unknown(head)
        if not hasattr(ek, "compare_results"):
            raise NotImplementedError("this version of embedkit does not compare results")

    def track_differing(self, head: str, backbone: str, budget: int) -> float:
        _, folder = trials(head, backbone)
        cells = kept(folder / "answers.csv", lambda: ek.compare_results(folder, REFERENCE))
        (equal,) = cells.loc[cells["budget"] == str(budget), "equal_predictions"]
        return 1 + 2 * (1 - equal)

    track_differing.unit = "1 + 2 x share"


class Regressors:
    """Errors of regressors: by how many degrees the angle of a turned digit is missed, from 100 labels."""

    version = "1"
    timeout = 300
    param_names = ("head",)
    params = (REGRESSORS,)

    def setup(self, head: str) -> None:
        skip_unknown(head)

    def track_error(self, head: str) -> float:
        return trials(head, "pixels", "rotated_digits", [100])[0]["mae"].mean()

    track_error.unit = "degrees"


def skip_unknown(head: str) -> None:
    """Skip what a commit does not know yet."""
    try:
        ek.make_head(head)
    except ek.EmbedkitError as reason:
        raise NotImplementedError(str(reason)) from None
