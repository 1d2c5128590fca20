"""The machine and the versions that made a result."""

from __future__ import annotations

import os
import platform
import shlex
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

_VARIABLES = ("OPENBLAS_CORETYPE", "OMP_NUM_THREADS", "OMP_WAIT_POLICY")
_PACKAGES = ("embedkit", "numpy", "pandas", "scikit-learn", "torch", "torchvision", "xgboost")


def facts(device: str, jobs: int) -> dict[str, Any]:
    """What a figure depends on besides code and data: plain values."""
    from threadpoolctl import threadpool_info

    libraries = [
        {name: library.get(name) for name in ("internal_api", "version", "architecture", "num_threads")}
        for library in threadpool_info()
    ]
    return {
        "versions": {"python": platform.python_version(), **{name: metadata.version(name) for name in _PACKAGES}},
        "system": platform.platform(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gib": _memory_gib(),
        "device": device,
        "gpu": _gpu(device),
        "jobs": jobs,
        "thread_libraries": libraries,
        "environment": {name: os.environ[name] for name in _VARIABLES if name in os.environ},
        "command": shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def _memory_gib() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (AttributeError, ValueError, OSError):
        return None


def _gpu(device: str) -> str | None:
    if not device.startswith("cuda"):
        return None
    import torch

    return torch.cuda.get_device_name(device)
