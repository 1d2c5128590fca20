"""asv's configurations and suite: found by asv itself, whole, and current."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from embedkit import load_results
from embedkit.heads import names

pytest.importorskip("asv", reason="needs asv: pip install 'embedkit[bench]'")

from asv.config import Config
from asv.environment import iter_matrix

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What asv discovers, by name."""
    file = tmp_path_factory.mktemp("found") / "found.json"
    code = f"from asv_runner.discovery import _discover; _discover(({str(BENCHMARKS / 'suite')!r}, {str(file)!r}))"
    paths = os.pathsep.join(path for path in sys.path if path)
    subprocess.run([sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": paths}, cwd=file.parent, check=True)
    return {benchmark["name"]: benchmark for benchmark in json.loads(file.read_text())}


@pytest.fixture(params=["asv.conf.json", "asv.upgrades.conf.json"])
def configuration(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Config:
    monkeypatch.chdir(BENCHMARKS)
    return Config.load(request.param)


def test_every_benchmark_has_a_version_a_unit_a_timeout_and_names_of_parameters(
    found: dict[str, dict[str, Any]],
) -> None:
    assert {name.split(".")[0] for name in found} >= {"accuracy", "accuracy_embeddings"}
    for name, benchmark in found.items():
        assert len(benchmark["version"]) < 10, f"{name} has no version of its own, but asv's hash of its source"
        assert benchmark["unit"] not in ("", "unit"), name
        assert benchmark["timeout"] > 0, name
        named = [each for each in benchmark["param_names"] if not each.startswith("param")]
        assert len(named) == len(benchmark["params"]), name


def test_parameters_have_texts_that_are_the_same_in_every_process(found: dict[str, dict[str, Any]]) -> None:
    assert " at 0x" not in json.dumps([benchmark["params"] for benchmark in found.values()])


def test_the_accuracy_of_every_head_on_embeddings_is_tracked(found: dict[str, dict[str, Any]]) -> None:
    heads, backbones, budgets = found["accuracy.Heads.track_error"]["params"]
    assert heads == [repr(name) for name in names("classification")]
    assert backbones == ["'pixels'", "'autoencoder'"]
    assert budgets == ["1", "5", "25"]
    assert found["accuracy.Regressors.track_error"]["params"] == [[repr(name) for name in names("regression")]]


def test_answers_of_every_head_on_embeddings_are_compared(found: dict[str, dict[str, Any]]) -> None:
    heads = [ast.literal_eval(head) for head in found["accuracy.Answers.track_differing"]["params"][0]]
    reference = load_results(BENCHMARKS.parent / "results" / "reference" / "digits_low_label")
    assert set(heads) == set(reference["head"]) - {"finetune"}
    assert {head.split("(")[0] for head in heads} == set(names("classification"))


def test_paths_of_the_configurations_are_in_the_repository(configuration: Config) -> None:
    root = BENCHMARKS.parent
    assert Path(configuration.repo).resolve() == root
    assert Path(configuration.results_dir).resolve() == root / "results" / "asv"
    assert Path(configuration.env_dir).resolve().parent == root / ".asv"
    assert Path(configuration.benchmark_dir, "accuracy.py").is_file()


def test_upgrades_change_one_library_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(BENCHMARKS)
    configuration = Config.load("asv.upgrades.conf.json")
    environments = [
        {name: version for (kind, name), version in each.items() if kind == "req"}
        for each in iter_matrix(configuration.environment_type, ["3.11"], configuration)
    ]
    current = {name: versions[-1] for name, versions in configuration.matrix["req"].items()}
    assert current in environments
    changes = [[name for name in current if each[name] != current[name]] for each in environments if each != current]
    assert sorted(changes) == [["scikit-learn"], ["torch"], ["xgboost"]]


def test_threads_and_the_store_are_settled_before_anything_is_measured(tmp_path: Path) -> None:
    code = (
        "import asv_runner.server, os, threadpoolctl\n"
        "from suite import accuracy, speed_heads\n"
        "import torch\n"
        "pools = {pool['num_threads'] for pool in threadpoolctl.threadpool_info()}\n"
        "print(os.environ['OMP_NUM_THREADS'], os.environ['EMBEDKIT_CACHE'], torch.get_num_threads(), *pools)"
    )
    paths = os.pathsep.join([str(BENCHMARKS), *filter(None, sys.path)])
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "8")
    environment = os.environ | threads | {"PYTHONPATH": paths, "EMBEDKIT_CACHE": "mine"}
    printed = subprocess.check_output([sys.executable, "-c", code], cwd=tmp_path, env=environment, text=True)
    assert printed.split() == ["1", "store", "1", "1"]
