"""What every benchmark stands on: libraries loaded before asv forks, one processor, and a store of its own.

One thread is settled twice: in the environment, for libraries that are loaded later and for processes of their own, and
for those that are there already, since asv itself loads numpy.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from unittest.mock import patch

import pandas
import scipy.linalg
import sklearn.ensemble
import sklearn.linear_model
import sklearn.svm
import torch
import torchvision
import xgboost
from threadpoolctl import threadpool_limits

from . import THREADS

_LOADED = (pandas, scipy.linalg, sklearn.ensemble, sklearn.linear_model, sklearn.svm, torch, torchvision, xgboost)

threadpool_limits(THREADS)
torch.set_num_threads(THREADS)
patch("os.sched_getaffinity", lambda pid: {0}, create=True).start()  # embedkit then starts one thread, not one per core


class Store:
    """An empty EMBEDKIT_CACHE, so that nothing is found in, or left in, the user's; `close` removes it."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="embedkit-benchmark-")
        self._before = os.environ.get("EMBEDKIT_CACHE")
        self.path = Path(self._folder.name)
        os.environ["EMBEDKIT_CACHE"] = str(self.path)

    def close(self) -> None:
        os.environ.pop("EMBEDKIT_CACHE")
        if self._before is not None:
            os.environ["EMBEDKIT_CACHE"] = self._before
        self._folder.cleanup()
