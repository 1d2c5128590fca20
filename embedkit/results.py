"""Rows and predictions on disk: SQLite, one writer, durable as they come.

Knows rows by their columns only: any experiment that has a key and rows can be stored.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from embedkit.errors import EmbedkitError

FORMAT = 2
FILE = "results.sqlite"
COLUMNS = {
    # identity
    "experiment": "TEXT", "dataset": "TEXT", "backbone": "TEXT", "codec": "TEXT", "head": "TEXT", "metric": "TEXT",
    "budget": "TEXT", "repeat": "INTEGER", "selection": "TEXT", "task": "TEXT", "evaluation": "TEXT", "fold": "INTEGER",
    # sha256 of what data and protocol rest on, and of that with the recipes of backbone, codec and head
    "data_sha256": "TEXT", "inputs_sha256": "TEXT",
    # draw
    "n_labeled": "INTEGER", "n_pool": "INTEGER", "n_test": "INTEGER", "n_classes": "INTEGER", "draw_sha256": "TEXT",
    "test_sha256": "TEXT", "head_seed": "INTEGER", "backbone_seed": "INTEGER", "fitted_on": "TEXT",
    # scores, a JSON map
    "scores": "TEXT",
    # choice
    "selected": "TEXT", "cv_score": "REAL", "grid_edge": "INTEGER",
    # cost
    "fit_s": "REAL", "predict_s": "REAL", "select_s": "REAL", "head_bytes": "INTEGER", "embedding_dim": "INTEGER",
    "embedding_bytes": "INTEGER", "backbone_bytes": "INTEGER", "backbone_macs": "INTEGER", "timing": "TEXT",
    # outcome
    "status": "TEXT", "error": "TEXT", "warning": "TEXT", "run_id": "INTEGER", "key": "TEXT PRIMARY KEY",
}  # fmt: skip
_SCHEMA = f"""
BEGIN;
CREATE TABLE rows ({", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())}) WITHOUT ROWID;
CREATE TABLE predictions (key TEXT PRIMARY KEY, predicted BLOB, confidence BLOB, true_probability BLOB);
CREATE TABLE images (test_sha256 TEXT PRIMARY KEY, contents BLOB);
CREATE TABLE runs (run_id INTEGER PRIMARY KEY, started TEXT, facts TEXT);
PRAGMA user_version = {FORMAT};
COMMIT;
"""


@dataclass(frozen=True, eq=False)
class ImageSet:
    """What predictions refer to, in test order: ids, truth and groups, each of length n.

    The truth is class indices (int), or targets (float).
    """

    sha256: str
    ids: list[str]
    truth: np.ndarray
    groups: np.ndarray
    classes: tuple[str, ...]

    @classmethod
    def of(cls, ids: list[str], truth: np.ndarray, groups: np.ndarray, classes: tuple[str, ...]) -> ImageSet:
        """With the sha256 of all that it holds."""
        contents = json.dumps([ids, truth.tolist(), groups.tolist(), classes])
        return cls(hashlib.sha256(contents.encode()).hexdigest(), ids, truth, groups, classes)


@dataclass(frozen=True, eq=False)
class Predictions:
    """Of one trial, in test order, each of length n: predicted class indices (or targets, kept as float32), and where
    the head gives probabilities, those of the predicted class (confidence) and of the true one.
    """

    predicted: np.ndarray
    confidence: np.ndarray | None
    true_probability: np.ndarray | None


Outcome = tuple[dict[str, Any], Predictions | None]
"""A row, by the names of `COLUMNS`, and the predictions behind it."""


@contextmanager
def open_results(folder: Path) -> Iterator[sqlite3.Connection]:
    """Open a results file to write, making it if it is not there.

    Raises
    ------
    EmbedkitError
        Where the file is of another format version or no results file, or cannot be written.
    """
    path = folder / FILE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, timeout=60)
        _check_format(connection, path, may_be_new=True)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
    except (OSError, sqlite3.OperationalError) as error:
        raise _unwritable(path, error) from None
    try:
        yield connection
    except sqlite3.OperationalError as error:
        raise _unwritable(path, error) from None
    except sqlite3.DatabaseError as error:
        raise _damaged(path, error) from None
    finally:
        with suppress(sqlite3.OperationalError):  # another reader is still there: the next to close does it
            connection.execute("PRAGMA journal_mode = DELETE")  # so that a read-only copy can be opened
        connection.close()


def _unwritable(path: Path, error: Exception) -> EmbedkitError:
    reason = getattr(error, "strerror", None) or error
    return EmbedkitError(
        f"cannot write {path}: {reason}; what is there is kept: "
        "free some space, permit writing, or give another folder by --out"
    )


def _damaged(path: Path, error: Exception) -> EmbedkitError:
    return EmbedkitError(f"{path} is damaged ({error}); give another --name, or put a copy of it back")


def _check_format(connection: sqlite3.Connection, path: Path, may_be_new: bool) -> None:
    try:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):
            raise
        raise EmbedkitError(f"{path} is no results file ({error}); give another --name") from None
    if version == 0 and tables == 0 and may_be_new:
        connection.executescript(_SCHEMA)
    elif version != FORMAT:
        raise EmbedkitError(
            f"{path} has format version {version}; this embedkit reads {FORMAT}: "
            "give another --name, or use the version that wrote it"
        )


def start_run(connection: sqlite3.Connection, started: str, facts: dict[str, Any]) -> int:
    """Note where, how and by which versions rows are made; returns the run_id."""
    with connection:
        cursor = connection.execute("INSERT INTO runs (started, facts) VALUES (?, ?)", (started, json.dumps(facts)))
    return int(cursor.lastrowid or 0)


def settled_keys(connection: sqlite3.Connection) -> set[str]:
    """Keys that need not run again: done, or not applicable. Failed ones are retried."""
    return {key for (key,) in connection.execute("SELECT key FROM rows WHERE status != 'failed'")}


def settled_keys_at(path: Path) -> set[str]:
    """The same of a results folder that may not be there."""
    if not (path / FILE).exists():
        return set()
    with reading(path) as connection:
        return settled_keys(connection)


def write(connection: sqlite3.Connection, run_id: int, outcomes: list[Outcome]) -> None:
    """Store the rows and predictions of some trials, durably, all or none."""
    names = ", ".join(COLUMNS)
    marks = ", ".join("?" * len(COLUMNS))
    with connection:
        for row, predictions in outcomes:
            unknown = set(row) - set(COLUMNS)
            assert not unknown, f"columns without a place: {unknown}"
            row = {
                **row,
                "run_id": run_id,
                "scores": json.dumps(row.get("scores")),
                "selected": _json(row.get("selected")),
            }
            connection.execute(
                f"INSERT OR REPLACE INTO rows ({names}) VALUES ({marks})", [row.get(name) for name in COLUMNS]
            )
            if predictions is not None:
                connection.execute(
                    "INSERT OR REPLACE INTO predictions VALUES (?, ?, ?, ?)",
                    (
                        row["key"],
                        _packed(predictions.predicted, _predicted_dtype(row)),
                        _packed(predictions.confidence, "<f4"),
                        _packed(predictions.true_probability, "<f4"),
                    ),
                )


def write_image_set(connection: sqlite3.Connection, test: ImageSet) -> None:
    """Store what the predictions of a test set refer to, once."""
    contents = {
        "ids": test.ids,
        "truth": test.truth.tolist(),
        "groups": test.groups.tolist(),
        "classes": list(test.classes),
    }
    with connection:
        connection.execute(
            "INSERT OR IGNORE INTO images VALUES (?, ?)", (test.sha256, zlib.compress(json.dumps(contents).encode()))
        )


def _json(value: Any) -> str | None:
    return None if value is None else json.dumps(value)


def _predicted_dtype(row: dict[str, Any]) -> str:
    return "<f4" if row.get("task") == "regression" else "<i4"


def _packed(values: np.ndarray | None, dtype: str) -> bytes | None:
    return None if values is None else zlib.compress(np.asarray(values, dtype=dtype).tobytes(), level=1)


def _unpacked(data: bytes | None, dtype: str) -> np.ndarray | None:
    return None if data is None else np.frombuffer(zlib.decompress(data), dtype=dtype)


@contextmanager
def reading(path: str | Path) -> Iterator[sqlite3.Connection]:
    """Open a results folder, or its file, to read.

    Raises
    ------
    EmbedkitError
        Where there is none, or it is of another format version.
    """
    file = Path(path) / FILE if Path(path).is_dir() else Path(path)
    if not file.is_file():
        raise EmbedkitError(
            f"no results at {str(path)!r}; give a folder that embedkit run wrote, such as results/default"
        )
    connection = sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True, timeout=60)
    try:
        _check_format(connection, file, may_be_new=False)
        yield connection
    except sqlite3.DatabaseError as error:
        raise _damaged(file, error) from None
    finally:
        connection.close()


def iterate_predictions(
    path: str | Path, where: dict[str, Any]
) -> Iterator[tuple[dict[str, Any], ImageSet, Predictions]]:
    """Each finished trial's row (without scores), its test set and its predictions, one at a time."""
    wanted = {name: value if isinstance(value, list | tuple | set) else [value] for name, value in where.items()}
    conditions = "".join(f" AND ({' OR '.join([f'rows.{name} IS ?'] * len(these))})" for name, these in wanted.items())
    values = [_bound(value, COLUMNS[name]) for name, these in wanted.items() for value in these]
    tests: dict[str, ImageSet] = {}
    with reading(path) as connection:
        connection.row_factory = sqlite3.Row
        found = connection.execute(
            f"SELECT rows.*, predicted, confidence, true_probability FROM rows JOIN predictions USING (key) "
            f"WHERE status = 'ok'{conditions} ORDER BY dataset, backbone, codec, head, repeat, fold",
            values,
        )
        for record in found:
            row = dict(record)
            test = tests.get(row["test_sha256"]) or _read_image_set(connection, row["test_sha256"])
            tests[test.sha256] = test
            predicted = _unpacked(row.pop("predicted"), _predicted_dtype(row))
            assert predicted is not None
            yield (
                row,
                test,
                Predictions(
                    predicted,
                    _unpacked(row.pop("confidence"), "<f4"),
                    _unpacked(row.pop("true_probability"), "<f4"),
                ),
            )


def _bound(value: Any, kind: str) -> Any:
    """A value of a DataFrame or of the user's as SQLite takes it."""
    import pandas as pd

    if pd.isna(value):
        return None
    return str(value) if kind.startswith("TEXT") else value.item() if isinstance(value, np.generic) else value


def _read_image_set(connection: sqlite3.Connection, sha256: str) -> ImageSet:
    (contents,) = connection.execute("SELECT contents FROM images WHERE test_sha256 = ?", (sha256,)).fetchone()
    stored = json.loads(zlib.decompress(contents))
    return ImageSet(
        sha256, stored["ids"], np.array(stored["truth"]), np.array(stored["groups"]), tuple(stored["classes"])
    )


def load_runs(path: str | Path) -> list[dict[str, Any]]:
    """The runs that wrote into a results file, oldest first: when, and facts about machine, versions and command."""
    with reading(path) as connection:
        return [
            {"run_id": run_id, "started": started, **json.loads(facts)}
            for run_id, started, facts in connection.execute("SELECT * FROM runs ORDER BY run_id")
        ]
