"""The facts that are stored with a run."""

from __future__ import annotations

import json
import os
import platform
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import embedkit
from embedkit import environment
from embedkit.environment import facts


def test_facts_are_plain_values_that_json_keeps() -> None:
    told = facts("cpu", 2)
    assert json.loads(json.dumps(told)) == told


def test_versions_are_those_that_run() -> None:
    versions = facts("cpu", 2)["versions"]
    assert versions["python"] == platform.python_version()
    assert versions["numpy"] == np.__version__
    assert versions["torch"].split("+")[0] == torch.__version__.split("+")[0]
    assert versions["embedkit"] == embedkit.__version__


def test_the_machine_and_the_request_are_told() -> None:
    told = facts("cpu", 3)
    assert (told["device"], told["gpu"], told["jobs"], told["cores"]) == ("cpu", None, 3, os.cpu_count())
    assert told["processor"]
    assert told["memory_gib"] is None or told["memory_gib"] > 0


def test_every_loaded_thread_pool_is_told_with_its_kernel() -> None:
    libraries = facts("cpu", 1)["thread_libraries"]
    assert {library["internal_api"] for library in libraries} & {"openblas", "mkl", "blis", "openmp"}
    assert all(library["num_threads"] >= 1 for library in libraries)


def test_of_the_environment_only_what_moves_results_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    monkeypatch.setenv("SECRET", "x")
    monkeypatch.delenv("OPENBLAS_CORETYPE", raising=False)
    assert facts("cpu", 1)["environment"] == {"OMP_NUM_THREADS": "3"}


def test_the_command_is_kept_without_the_programs_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/somewhere/bin/embedkit", "run", "photos/", "--jobs", "2"])
    assert facts("cpu", 1)["command"] == "embedkit run photos/ --jobs 2"


def test_a_machine_that_does_not_name_its_processor_is_told_by_its_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cpuinfo").write_text("BogoMIPS : 50.0\n")
    monkeypatch.setattr(environment, "Path", lambda _: tmp_path / "cpuinfo")
    monkeypatch.setattr(platform, "processor", lambda: "")
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    assert facts("cpu", 1)["processor"] == "aarch64"


@pytest.mark.gpu
def test_the_gpu_is_named() -> None:
    assert facts("cuda", 1)["gpu"] == torch.cuda.get_device_name("cuda")
