"""Every test has a cache of its own; what a machine lacks is skipped with a reason."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from embedkit import cli, results
from embedkit.results import ImageSet, Predictions

Embedkit = Callable[..., tuple[int, str, str]]
SHARED_DATA = Path(os.environ.get("EMBEDKIT_SHARED_DATA", Path(__file__).parents[2] / "shared" / "data"))


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, apart from the test's own `tmp_path`."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("EMBEDKIT_CACHE", str(folder))
    return folder


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Embedkit:
    """``run("list", "heads")`` is ``embedkit list heads`` in an empty folder: exit status, output, errors."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str | Path) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["embedkit", *map(str, arguments)])
        monkeypatch.setenv("OMP_WAIT_POLICY", "PASSIVE")
        try:
            cli.main()
            status = 0
        except SystemExit as end:
            status = int(end.code or 0)
        return status, *capsys.readouterr()

    return call


@pytest.fixture
def write_photo() -> Callable[..., Path]:
    """Writes a small photo of noise that depends on the seed only: ``write_photo(path, seed, size=(24, 20))``."""

    def write(path: Path, seed: int, size: tuple[int, int] = (24, 20)) -> Path:
        pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
        return path

    return write


@pytest.fixture
def photos(tmp_path: Path, write_photo: Callable[..., Path]) -> Path:
    """A folder of two class folders, ``cat`` and ``dog``, with 6 photos each."""
    for number, name in enumerate(("cat", "dog")):
        for i in range(6):
            write_photo(tmp_path / "photos" / name / f"{i}.png", seed=10 * number + i)
    return tmp_path / "photos"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    import torch

    there = {
        "gpu": (torch.cuda.is_available(), "needs a CUDA device"),
        "network": (os.environ.get("EMBEDKIT_NETWORK") == "1", "needs the internet: set EMBEDKIT_NETWORK=1"),
        "shared_data": (SHARED_DATA.is_dir(), f"needs {SHARED_DATA}: set EMBEDKIT_SHARED_DATA"),
    }
    for item in items:
        for marker, (present, reason) in there.items():
            if marker in item.keywords and not present:
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture
def shared_data() -> Path:
    return SHARED_DATA


FACTS = {
    "versions": {"embedkit": "0.1.0"},
    "processor": "a processor",
    "cores": 2,
    "memory_gib": 8.0,
    "system": "Linux",
    "device": "cpu",
    "gpu": None,
    "jobs": 2,
    "thread_libraries": [{"internal_api": "openblas", "version": "0.3", "architecture": "Zen", "num_threads": 1}],
    "command": "embedkit run <photos> --heads svm",
    "study": {"datasets": ["photos"], "repeats": 3},
}
RIGHT = {"mlp": {"1": 4, "5": 9}, "svm": {"1": 5, "5": 9}, "forest": {"1": 2, "5": 6}}
"""Of ten test images, how many each head gets right at each budget, in every repeat."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A results folder with known rows: three heads, two budgets, three repeats, ten test images."""
    truth = np.repeat([0, 1], 5)
    test = ImageSet("t" * 64, [f"{i}.png" for i in range(10)], truth, np.arange(10), ("cat", "dog"))
    outcomes = []
    for head, by_budget in RIGHT.items():
        for budget, right in by_budget.items():
            for repeat in range(3):
                predicted = np.where(np.arange(10) < right, truth, 1 - truth)
                row = {
                    "experiment": "heads", "dataset": "photos", "backbone": "pixels", "codec": "float32", "head": head,
                    "budget": budget, "repeat": repeat, "selection": "cv", "task": "classification",
                    "evaluation": "fixed", "data_sha256": "d", "inputs_sha256": head,
                    "n_labeled": 2 * int(budget), "n_pool": 40, "n_test": 10, "n_classes": 2,
                    "test_sha256": test.sha256, "scores": {"accuracy": right / 10}, "status": "ok",
                    "fit_s": 0.0125 if repeat == 0 else None, "predict_s": 0.002 if repeat == 0 else None,
                    "head_bytes": 12_345, "timing": "exclusive" if repeat == 0 else None,
                    "key": f"{head} {budget} {repeat}",
                }  # fmt: skip
                outcomes.append((row, Predictions(predicted, None, None)))
    failed = outcomes[0][0] | {"key": "x", "head": "xgboost", "status": "failed", "error": "ValueError: <no> luck"}
    with results.open_results(tmp_path / "photos") as connection:
        run_id = results.start_run(connection, "2026-01-01T00:00:00+00:00", FACTS)
        results.write_image_set(connection, test)
        results.write(connection, run_id, [*outcomes, (failed | {"scores": None}, None)])
    return tmp_path / "photos"


MISSED_BY = {
    "mlp": {"10": (1, 3), "all": (0.25, 0.75)},
    "svm": {"10": (0, 1), "all": (1, 2)},
    "forest": {"10": (9, 11)},
}
"""By how much each head misses the targets of even and of odd test images, at each budget, in every repeat."""


@pytest.fixture
def ages(tmp_path: Path) -> Path:
    """A results folder with known rows of numeric targets."""
    truth = 10.0 * np.arange(10)
    test = ImageSet("n" * 64, [f"{i}.png" for i in range(10)], truth, np.arange(10), ("",))
    outcomes = []
    for head, by_budget in MISSED_BY.items():
        for budget, (even, odd) in by_budget.items():
            for repeat in range(3):
                row = {
                    "experiment": "heads", "dataset": "ages", "backbone": "pixels", "codec": "float32", "head": head,
                    "budget": budget, "repeat": repeat, "selection": "cv", "task": "regression",
                    "evaluation": "fixed", "data_sha256": "d", "inputs_sha256": head,
                    "n_labeled": 10 if budget == "10" else 40, "n_pool": 40, "n_test": 10, "test_sha256": test.sha256,
                    "scores": {"mae": (even + odd) / 2}, "status": "ok", "fit_s": 0.01, "predict_s": 0.001,
                    "head_bytes": 1000, "timing": "exclusive" if repeat == 0 else None,
                    "key": f"{head} {budget} {repeat}",
                }  # fmt: skip
                outcomes.append((row, Predictions(truth - np.tile([even, -odd], 5), None, None)))
    with results.open_results(tmp_path / "ages") as connection:
        results.write_image_set(connection, test)
        results.write(connection, results.start_run(connection, "2026-01-01T00:00:00+00:00", FACTS), outcomes)
    return tmp_path / "ages"


BENCHMARKS = {
    "accuracy.Heads.track_error": {
        "param_names": ["head", "budget"], "params": [["'svm'", "'lda'"], ["1", "5"]], "unit": "1 + error",
        "version": "1",
    },
    "speed.time_import": {"param_names": [], "params": [], "unit": "seconds", "version": "2"},
}  # fmt: skip
MEASURED = {"a": ([1.5, 1.25, 1.5, None], [0.5]), "b": ([1.75, 1.25, 1.5, float("nan")], [0.25])}
"""By commit: the errors of svm and lda at budgets 1 and 5, and the seconds of an import."""


@pytest.fixture
def asv_results(tmp_path: Path) -> Path:
    """asv's results, as asv 0.6.6 writes them, of two commits: two heads at two budgets, and the time of an import."""
    return write_asv_results(tmp_path / "asv")


@pytest.fixture(scope="session")
def asv_results_at() -> Callable[[Path], Path]:
    """The same in a folder of one's own."""
    return write_asv_results


def write_asv_results(folder: Path) -> Path:
    (folder / "here").mkdir(parents=True)
    benchmarks = {name: about | {"name": name, "code": "def ..."} for name, about in BENCHMARKS.items()}
    (folder / "benchmarks.json").write_text(json.dumps(benchmarks | {"version": 2}))
    (folder / "here" / "machine.json").write_text(json.dumps({"machine": "here", "version": 1}))
    for day, (commit, (errors, seconds)) in enumerate(MEASURED.items()):
        found = {
            "commit_hash": commit * 40, "env_name": "hostvenv-py3.11", "date": 86_400_000 * day,
            "params": {"machine": "here", "python": "3.11"}, "python": "3.11", "requirements": {}, "env_vars": {},
            "result_columns": ["result", "params", "version", "started_at", "duration"],
            "results": {
                "accuracy.Heads.track_error": [errors, [["'svm'", "'lda'"], ["1", "5"]], "1", 1_700_000_000_000, 2.5],
                "speed.time_import": [seconds, [], "2", 1_700_000_000_000, 1.5],
                "speed.time_gone": [[7.0], [], "1"],
            },
            "durations": {}, "version": 2,
        }  # fmt: skip
        (folder / "here" / f"{commit * 8}-hostvenv-py3.11.json").write_text(json.dumps(found))
    return folder
