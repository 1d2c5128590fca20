"""The embeddings that trials of a group have in common, as they come back from the store and the codec."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from embedkit.codecs.stored import Coded
from embedkit.heads.finite import check_finite
from embedkit.heads.pool import Pool
from embedkit.heads.problem import Problem, Queries, Rows
from embedkit.trials import Task

SHARED_LABELS_MAX = 5000
"""Draws with more labels share nothing with smaller ones: their inner products would fill the memory."""

CHUNK_NUMBERS = 2**22
"""Test rows are taken so many at a time that they and their products with the labelled rows are at most so many numbers
(32 MiB): beyond embeddings and what `KEPT_PRODUCTS` says, a trial with 1,000 labels takes less than 256 MiB."""

KEPT_PRODUCTS = 2**24
"""Up to this many (128 MiB), products with all test rows are kept for the other trials of the group."""


class SharedRows:
    """The labelled rows of the draws of a group, and its test rows."""

    def __init__(self, tasks: Sequence[Task]) -> None:
        first = tasks[0]
        self._pool = first.pool
        self._coded = Coded(first.embeddings, first.trial.codec, first.pool)
        self._test = first.test
        self.device = first.device
        small = [task.train for task in tasks if len(task.train) <= SHARED_LABELS_MAX]
        self._union = np.unique(np.concatenate(small)) if small else np.empty(0, dtype=np.int64)

    @cached_property
    def _labelled(self) -> tuple[Rows, int]:
        return self._rows(self._union)

    def _rows(self, index: np.ndarray) -> tuple[Rows, int]:
        X, row_bytes = self._coded.at(index)
        check_finite(X)
        if self._pool is None:
            return Rows(X, self.device), row_bytes
        places = np.searchsorted(self._pool, index)
        return Rows(X, self.device, pool=_pool(self._coded), places=places), row_bytes

    def problem(self, task: Task) -> tuple[Problem, dict[str, Any]]:
        """The labelled rows and targets of a trial, and columns about the embedding."""
        if len(task.train) <= SHARED_LABELS_MAX:
            rows, row_bytes = self._labelled
            index = np.searchsorted(self._union, task.train)
        else:
            rows, row_bytes = self._rows(task.train)
            index = np.arange(len(task.train))
        problem = Problem(rows, index, task.y_train, task.task, task.n_classes, task.head_seed)
        return problem, {"embedding_dim": rows.X.shape[1], "embedding_bytes": row_bytes}

    @cached_property
    def X_test(self) -> np.ndarray:
        return _test_rows(self._coded, self._test.tobytes())

    def test_queries(self, rows: Rows) -> Iterator[Queries]:
        """The test rows, some at a time; their products are kept only where they are few."""
        if rows is self._labelled[0] and len(rows.X) * len(self.X_test) <= KEPT_PRODUCTS:
            return iter(self._kept_queries)
        return self._chunks(rows)

    @cached_property
    def _kept_queries(self) -> list[Queries]:
        return list(self._chunks(self._labelled[0]))

    def _chunks(self, rows: Rows) -> Iterator[Queries]:
        fitting = max(CHUNK_NUMBERS // sum(rows.X.shape), 64)
        size = 1 << (fitting.bit_length() - 1)  # of two: draws of about equal size have chunks in common
        return (rows.queries(self.X_test[start : start + size]) for start in range(0, len(self.X_test), size))


@lru_cache(maxsize=1)
def _test_rows(coded: Coded, test: bytes) -> np.ndarray:
    """Test rows, kept for the next trials of the same embedding."""
    X, _ = coded.at(np.frombuffer(test, dtype=np.int64))
    check_finite(X)
    return X


@lru_cache(maxsize=1)
def _pool(coded: Coded) -> Pool:
    """The rows that may be learnt from without labels, kept like the test rows."""

    def read() -> np.ndarray:
        assert coded.pool is not None
        X, _ = coded.at(coded.pool)
        check_finite(X)
        return X

    return Pool(read, coded.pool_key)
