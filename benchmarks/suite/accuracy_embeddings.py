"""How good embeddings of the bundled digits are by themselves: their distances, and what an autoencoder learned."""

from __future__ import annotations

import os
from pathlib import Path

from safetensors.numpy import load_file

import embedkit as ek

from .accuracy import BACKBONES, setup_cache, train_as_for_reference

__all__ = ["Verification", "setup_cache", "track_reconstruction_error"]


class Verification:
    """Are two images of one class? The error rate at the threshold where both kinds of errors are as frequent."""

    version = "2"
    timeout = 300
    param_names = ("backbone", "metric")
    params = (BACKBONES, ["euclidean", "cosine", "manhattan", "whitened"])

    def track_equal_error_rate(self, backbone: str, metric: str) -> float:
        train_as_for_reference()
        rows = ek.distances(
            "digits",
            backbones=[backbone],
            controls=False,
            metrics=[metric],
            episodes=2,
            jobs=1,
            device="cpu",
            out="distances",
            name=f"{backbone}-{metric}",
        )
        (rate,) = rows["equal_error_rate"].dropna()
        return 1 + rate

    track_equal_error_rate.unit = "1 + equal error rate"


def track_reconstruction_error() -> float:
    """Of the pool's images by the autoencoder, in its last epoch: the mean squared error of grey levels from 0 to 1."""
    train_as_for_reference()
    ek.embed("digits", "autoencoder")
    (record,) = Path(os.environ["EMBEDKIT_CACHE"]).glob("encoders/*/training.safetensors")
    return float(load_file(record)["curve"][-1, 1])


track_reconstruction_error.unit = "squared error"
track_reconstruction_error.version = "2"
track_reconstruction_error.timeout = 300
