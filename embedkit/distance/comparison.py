"""Comparison: one metric on one embedding. The comparisons that share distances -> rows."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from embedkit.codecs.stored import Coded
from embedkit.distance.episodes import Episodes, episode_accuracies
from embedkit.distance.metrics import distance_rows, make_metric
from embedkit.distance.retrieval import retrieval
from embedkit.distance.verification import verification
from embedkit.errors import NotApplicable
from embedkit.results import Outcome
from embedkit.spec import parse

FORMAT = 1
ALL_PAIRS = "all pairs"
WHITENING_IMAGES_MAX = 10_000


@dataclass(frozen=True)
class Comparison:
    """The names of one measurement: over all pairs of tested images, or in episodes, as `budget` says.

    `inputs_sha256` stands for every recipe behind them, `data_sha256` for the data.
    """

    experiment: ClassVar[str] = "distances"
    dataset: str
    backbone: str
    codec: str
    metric: str
    budget: str
    data_sha256: str
    inputs_sha256: str

    def key(self) -> str:
        """sha256 of what decides the outcome: recipes, no paths."""
        parts = [self.experiment, FORMAT, self.inputs_sha256, self.codec, self.metric, self.budget]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


@dataclass(frozen=True, eq=False)
class Tested:
    """The images that are compared, and those that a metric may be fitted on: plain arrays and keys.

    `tested` (n,) and `pool` (m,) are indices into the embeddings; `labels` and `groups` (n,) are of the tested images.
    """

    embeddings: str
    codec: str
    metric: str
    tested: np.ndarray
    labels: np.ndarray
    groups: np.ndarray
    pool: np.ndarray
    seed: int

    @cached_property
    def vectors(self) -> np.ndarray:
        """The embeddings (n, d) float32 that are compared, after codec and whitening."""
        X = self._stored(self.tested)
        fit = make_metric(parse(self.metric)).fit
        if fit is None:
            return X
        pool = self.pool
        if len(pool) > WHITENING_IMAGES_MAX:
            pool = np.sort(np.random.default_rng(self.seed).choice(pool, WHITENING_IMAGES_MAX, replace=False))
        return fit(self._stored(pool))(X)

    def _stored(self, images: np.ndarray) -> np.ndarray:
        return Coded(self.embeddings, self.codec, self.pool).at(images)[0]


Part = tuple[Comparison, Episodes | None, dict[str, Any]]
"""A comparison, its episodes where it is about these, and the columns of its row that are known already."""


def evaluate(parts: Sequence[Part], tested: Tested) -> list[Outcome]:
    """Make the comparisons that share distances; what fails becomes a row that says why."""
    return [_evaluate_one(part, tested) for part in parts]


def _evaluate_one(part: Part, tested: Tested) -> Outcome:
    comparison, episodes, known = part
    row = {**dataclasses.asdict(comparison), **known, "key": comparison.key()}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            scores = pair_scores(tested) if episodes is None else episode_scores(tested, episodes)
            row |= {"scores": scores, "embedding_dim": tested.vectors.shape[1], "status": "ok"}
        except NotApplicable as reason:
            row |= {"status": "not_applicable", "error": str(reason)}
        except Exception as error:  # any failure is that comparison's row; the others go on
            row |= {"status": "failed", "error": f"{type(error).__name__}: {error}"}
    first_lines = {str(warning.message).strip().partition("\n")[0] for warning in caught}
    row["warning"] = "; ".join(sorted(first_lines - {""})) or None
    return row, None


def pair_scores(tested: Tested) -> dict[str, float]:
    """Verification and retrieval among the tested images, with the half-widths of their 95% intervals."""
    rows = distance_rows(tested.vectors, make_metric(parse(tested.metric)).pairwise)
    found = verification(rows, tested.labels, tested.groups) | retrieval(rows, tested.labels, tested.groups)
    scores = {name: interval.estimate for name, interval in found.items()}
    return scores | {f"{name}_half_width": interval.half_width for name, interval in found.items()}


def episode_scores(tested: Tested, episodes: Episodes) -> dict[str, float]:
    """Mean accuracy of episodes; its 95% interval is over episodes from these images, not over new images."""
    metric = make_metric(parse(tested.metric))
    accuracies = episode_accuracies(tested.vectors, tested.labels, tested.groups, metric, episodes, tested.seed)
    half_width = float(1.96 * accuracies.std(ddof=1) / np.sqrt(len(accuracies)))
    return {"accuracy": float(accuracies.mean()), "accuracy_half_width": half_width}
