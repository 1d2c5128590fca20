"""How long images take to become embeddings: decoding, the network by runtime and precision, and all of it together."""

from __future__ import annotations

import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from . import data, pinned, stopwatch

PHOTOS = 32
NETWORK = 'resnet18(weights="none")'


class Decode:
    """Decoding 16 JPEG files of 533 x 400 pixels, with the checks that embedkit makes."""

    version = "1"
    timeout = 60
    timer = time.process_time
    number, repeat, rounds, warmup_time = 1, (5, 10, 2.0), 2, 0.1

    def setup(self) -> None:
        from embedkit.datasets.decode import decode

        self.files, self.decode = data.jpegs(16), decode

    def time_jpegs(self) -> None:
        for file in self.files:
            self.decode(file)


class Network:
    """Photos of 256 x 256, decoded, through resnet18 on one thread; making the runtime is not in it."""

    version = "1"
    timeout = 300
    unit = "seconds per 1000 images"
    param_names = ("runtime", "precision")
    params = (["torch", "openvino"], ["float32", "bfloat16", "int8"])

    def setup(self, runtime: str, precision: str) -> None:
        from embedkit.training import has_bfloat16

        if (runtime, precision) == ("torch", "int8"):
            raise NotImplementedError("embedkit computes int8 by OpenVINO only")
        if precision == "bfloat16" and not has_bfloat16("cpu"):
            raise NotImplementedError("this processor is not made for bfloat16")
        for module in ["openvino"] * (runtime == "openvino") + ["nncf"] * (precision == "int8"):
            if find_spec(module) is None:
                raise NotImplementedError(f"{module} is not installed")
        self.photos = np.random.default_rng(0).integers(0, 256, (PHOTOS, 256, 256, 3), dtype=np.uint8)
        self.run, self.load, self.size = runtime_of(self.photos, runtime, precision)

    def track_network(self, runtime: str, precision: str) -> float:
        from embedkit.embeddings.pipeline import embed_on_cpu

        batches = [range(start, start + self.size) for start in range(0, PHOTOS, self.size)]

        def embed() -> None:
            for _ in embed_on_cpu(self.run, lambda i: self.load(self.photos[i]), batches):
                pass

        embed()
        return stopwatch.least_seconds(embed, 4) * 1000 / PHOTOS


def runtime_of(photos: np.ndarray, runtime: str, precision: Any) -> tuple[Any, Any, int]:
    """The network as a runtime of embedkit, what loads a photo for it, and how many are a batch."""
    import torch

    from embedkit.backbones import Images, make_backbone
    from embedkit.embeddings.pipeline import batch_size
    from embedkit.embeddings.runtime import faster_runtime, in_int8, load_with, torch_runtime
    from embedkit.spec import parse

    backbone = make_backbone(parse(NETWORK), Images(_NoVectors, np.arange(0)))  # type: ignore[arg-type]
    network = backbone.network("cpu", lambda share, doing: None)
    load = load_with(network)
    size = batch_size(load(photos[0]), "cpu")
    batch = torch.stack([load(photo) for photo in photos[:size]])
    if precision == "int8":
        return in_int8(network, "cpu", batch), load, size
    by_torch = torch_runtime(network, "cpu", precision)
    if runtime == "torch":
        return by_torch, load, size

    def slow(images: torch.Tensor) -> torch.Tensor:
        time.sleep(1)  # so that OpenVINO is taken: embedkit takes what is faster
        return by_torch(images)

    run = faster_runtime(network, precision, slow, batch, 10**9)
    if run is slow:
        raise NotImplementedError("OpenVINO does not know this network")
    return run, load, size


class _NoVectors:
    """All that a pretrained network asks of a data set."""

    vectors = None


class Folder:
    """A folder of 32 JPEG files to embeddings in an empty store, all that `embedkit.embed` does."""

    version = "1"
    timeout = 300
    unit = "seconds per 1000 images"

    def setup(self) -> None:
        self.folder = data.save_photos(Path.cwd() / "photos", PHOTOS)

    def track_folder(self) -> float:
        return min(self.seconds() for _ in range(4)) * 1000 / PHOTOS

    def seconds(self) -> float:
        import embedkit

        store = pinned.Store()
        try:
            started = time.process_time()
            embedkit.embed(self.folder, NETWORK)
            return time.process_time() - started
        finally:
            store.close()
