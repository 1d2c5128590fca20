"""Trial: one head, on one embedding, with one draw of labels. A group of trials -> rows."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import pickle
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np

from embedkit import sampling
from embedkit.codecs import Codec, make_codec
from embedkit.embeddings import store
from embedkit.errors import NotApplicable
from embedkit.heads import make_head
from embedkit.results import Outcome, Predictions
from embedkit.scores import classification_scores
from embedkit.spec import parse_chain

FORMAT = 1


@dataclass(frozen=True)
class Trial:
    """The names of one measurement; `inputs_sha256` stands for every recipe behind them, `data_sha256` for the data."""

    experiment: ClassVar[str] = "heads"
    dataset: str
    backbone: str
    codec: str
    head: str
    budget: str
    repeat: int
    fold: int | None
    selection: str
    data_sha256: str
    inputs_sha256: str

    def key(self) -> str:
        """sha256 of what decides the outcome: recipes, no paths."""
        parts = [FORMAT, self.inputs_sha256, self.codec, self.head, self.budget, self.repeat, self.fold, self.selection]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    @property
    def is_timed(self) -> bool:
        """Whether this trial runs alone, at the end, to measure what the head costs."""
        return self.repeat == 0 and self.fold in (None, 0)


@dataclass(frozen=True, eq=False)
class Task:
    """A trial with the data that a worker needs: plain arrays and keys.

    `train` and `test` are indices into the embeddings, `y_train` and `y_test` class indices, all of shape (n,).
    """

    trial: Trial
    embeddings: str
    train: np.ndarray
    y_train: np.ndarray
    test: np.ndarray
    y_test: np.ndarray
    n_classes: int
    head_seed: int
    known: dict[str, Any]
    """Columns of the row that the driver knows already."""


def groups(trials: Sequence[Trial]) -> list[tuple[Trial, ...]]:
    """The units of work: trials that share embedding, head and repeat."""
    found: dict[tuple[str | int | None, ...], list[Trial]] = {}
    for trial in trials:
        same = (trial.dataset, trial.backbone, trial.codec, trial.head, trial.repeat, trial.fold)
        found.setdefault(same, []).append(trial)
    return [tuple(group) for group in found.values()]


def head_seed(salt: str, repeat: int) -> int:
    """The seed of heads that use chance: the same for every head and budget of a repeat."""
    return int.from_bytes(sampling.rank_hash("head seed", salt, repeat)[:4], "big") >> 1


def evaluate(tasks: Sequence[Task], timed: bool) -> list[Outcome]:
    """Run the trials of a group; what fails becomes a row that says why.

    With `timed`, the process is assumed to be alone on one thread, and costs are recorded.
    """
    return [_evaluate_one(task, timed) for task in tasks]


def _evaluate_one(task: Task, timed: bool) -> Outcome:
    row = {**dataclasses.asdict(task.trial), **task.known, "key": task.trial.key(), "head_seed": task.head_seed}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            measured, predictions = _fit_and_score(task, timed)
            row |= measured | {"status": "ok"}
        except NotApplicable as reason:
            row |= {"status": "not_applicable", "error": str(reason)}
            predictions = None
        except Exception as error:  # any failure of any head is that trial's row; the other trials go on
            row |= {"status": "failed", "error": f"{type(error).__name__}: {error}"}
            predictions = None
    first_lines = {str(warning.message).strip().partition("\n")[0] for warning in caught}
    row["warning"] = "; ".join(sorted(first_lines - {""})) or None
    return row, predictions


def _fit_and_score(task: Task, timed: bool) -> tuple[dict[str, Any], Predictions]:
    codec = _codec(task.trial.codec)
    X_train, embedding_bytes = _stored(codec, store.read(task.embeddings)[task.train])
    X_test = _test_rows(task.embeddings, task.trial.codec, task.test.tobytes())
    estimator = make_head(task.trial.head, task.head_seed)
    if timed:  # the first fit of a kind pays for imports and warm-up: leave that outside the clock
        _warm_up(task.trial.head, X_train.shape[1])
    started = time.perf_counter()
    estimator.fit(X_train, task.y_train)
    fitted = time.perf_counter()
    predicted, probabilities = _predict(estimator, X_test, task.n_classes)
    done = time.perf_counter()
    scores = classification_scores(task.y_test, predicted, probabilities, task.n_classes)
    scores["train_accuracy"] = float(np.mean(_predict(estimator, X_train, task.n_classes)[0] == task.y_train))
    row = {
        "scores": scores,
        "embedding_dim": X_train.shape[1],
        "embedding_bytes": embedding_bytes,
        "head_bytes": _head_bytes(estimator) if timed else None,
        "fit_s": fitted - started if timed else None,
        "predict_s": done - fitted if timed else None,
        "timing": "exclusive" if timed else None,
    }
    if probabilities is None:
        return row, Predictions(predicted, None, None)
    index = np.arange(len(predicted))
    return row, Predictions(predicted, probabilities[index, predicted], probabilities[index, task.y_test])


def _predict(estimator: Any, X: np.ndarray, n_classes: int) -> tuple[np.ndarray, np.ndarray | None]:
    """Class indices, and probabilities over all classes of the data set where the head gives any."""
    if not hasattr(estimator, "predict_proba"):
        return np.asarray(estimator.predict(X)), None
    among_seen = estimator.predict_proba(X)
    probabilities = np.zeros((len(X), n_classes))
    probabilities[:, estimator.classes_] = among_seen
    return estimator.classes_[among_seen.argmax(axis=1)], probabilities


@lru_cache(maxsize=16)
def _codec(chain: str) -> Codec:
    return make_codec(parse_chain(chain))


def _stored(codec: Codec, X: np.ndarray) -> tuple[np.ndarray, int]:
    """The rows as they come back from the codec, and the bytes that one of them took."""
    encoded = codec.encode(X)
    return codec.decode(encoded), encoded.nbytes // len(X)


@lru_cache(maxsize=2)
def _test_rows(embeddings: str, codec: str, test: bytes) -> np.ndarray:
    """Test rows, kept for the next trials of the same embedding."""
    return _stored(_codec(codec), store.read(embeddings)[np.frombuffer(test, dtype=np.int64)])[0]


@lru_cache(maxsize=256)
def _warm_up(head: str, dim: int) -> None:
    X = np.random.default_rng(0).normal(size=(20, dim)).astype(np.float32)
    _predict(make_head(head).fit(X, np.arange(20) % 2), X, 2)


def _head_bytes(estimator: Any) -> int | None:
    """Size of the fitted head when written down, None where it cannot be; nothing is ever read back this way."""
    buffer = io.BytesIO()
    try:
        pickle.dump(estimator, buffer, protocol=5)
    except (pickle.PicklingError, TypeError, AttributeError):
        return None
    return buffer.tell()
