"""How fast photos become embeddings on disk, beside the scripts that people write.

From a folder of JPEG files to vectors in a file, all in one process after its imports, on all cores:

- torchvision: `ImageFolder` and `DataLoader` with the weights' own transform, batches of 32, one worker per core;
- timm: the same with `timm.data.create_loader` (where timm is installed);
- embedkit: `open_dataset` and `extract`, with torch alone in float32 and in bfloat16, and with OpenVINO in both.

Printed for each: images a second end to end, the ratio to the faster of the first two, the least cosine to their
vectors, the share of equal predictions of an LDA head, and which share of the measured peak of the processor's
float32 (or bfloat16) convolutions the network part reaches. Ways take turns, `rounds` times; the median counts.

Usage: python benchmarks/side_by_side/extraction.py [photos] [rounds] [networks]
The defaults are 1000 photos, 3 rounds, and "resnet18, squeezenet1_0". Photos are those of the clothing data set in the
folder that EMBEDKIT_SHARED_DATA names, or ../shared/data; without them noise of the same size.
"""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
import torchvision
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader

from embedkit.backbones import Images, make_backbone
from embedkit.datasets import dataset_spec, open_dataset
from embedkit.embeddings import precision, runtime, store
from embedkit.embeddings.extract import extract
from embedkit.heads import make_head
from embedkit.spec import parse

SHARED = Path(os.environ.get("EMBEDKIT_SHARED_DATA", Path(__file__).parents[3] / "shared" / "data"))
CORES = len(os.sched_getaffinity(0))


def some_photos(n: int, folder: Path) -> str:
    """Fill a folder with n JPEG files in class folders; returns what they are."""
    found = sorted((SHARED / "clothing").rglob("*.jpg"))
    if found:
        for file in found[:: max(1, len(found) // n)][:n]:
            (folder / file.parent.name).mkdir(exist_ok=True)
            shutil.copy(file, folder / file.parent.name / file.name)
        return "photos of clothing"
    rng = np.random.default_rng(0)
    for i in range(n):
        (folder / str(i % 10)).mkdir(exist_ok=True)
        noise = Image.fromarray(rng.integers(0, 256, (54, 40, 3), dtype=np.uint8))
        noise.resize((400, 533), Image.Resampling.BICUBIC).save(folder / str(i % 10) / f"{i}.jpg")
    return "generated photos"


def weights_file(name: str, folder: Path) -> str:
    """ImageNet weights where there are some, else drawn ones: both sides use the same file."""
    given = SHARED / "weights" / "squeezenet1_0-deepcompression.pth"
    if name == "squeezenet1_0" and given.exists():
        return str(given)
    torch.manual_seed(0)
    torch.save(torchvision.models.get_model(name, weights=None).state_dict(), folder / f"{name}.pth")
    return str(folder / f"{name}.pth")


def embedder(name: str, weights: str) -> nn.Module:
    """The network without its classifier, as people write it."""
    network = torchvision.models.get_model(name, weights=None)
    network.load_state_dict(torch.load(weights, weights_only=True))
    if name.startswith("squeezenet"):
        return nn.Sequential(network.features, nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval()
    network.fc = nn.Identity()
    return network.eval()


def by_torchvision(photos: Path, name: str, weights: str, out: Path) -> np.ndarray:
    transform = torchvision.models.get_model_weights(name).DEFAULT.transforms()
    images = torchvision.datasets.ImageFolder(str(photos), transform)
    return _embedded(DataLoader(images, batch_size=32, num_workers=CORES), embedder(name, weights), out)


def by_timm(photos: Path, name: str, weights: str, out: Path) -> np.ndarray:
    from timm.data import create_dataset, create_loader

    images = create_dataset("", root=str(photos))
    loader = create_loader(
        images,
        interpolation="bilinear",
        input_size=(3, 224, 224),
        batch_size=32,
        is_training=False,
        use_prefetcher=False,
        num_workers=CORES,
        crop_pct=224 / 256,
        device=torch.device("cpu"),
    )
    rows = _embedded(loader, embedder(name, weights), out)
    return rows[np.argsort(images.filenames(absolute=True))]  # timm sorts numbers in names as numbers


def _embedded(loader: Any, network: nn.Module, out: Path) -> np.ndarray:
    with torch.inference_mode():
        rows = np.concatenate([network(batch[0]).numpy() for batch in loader])
    np.save(out / "rows.npy", rows)
    return rows


def by_embedkit(bits: str, openvino: bool) -> Callable[[Path, str, str, Path], np.ndarray]:
    def embed(photos: Path, name: str, weights: str, out: Path) -> np.ndarray:
        here = patch.dict(os.environ, {"EMBEDKIT_CACHE": str(out)})
        in_bits = patch.object(precision, "native_precision", lambda *_: bits)
        on = patch.object(runtime, "find_spec", lambda module: find_spec(module) if openvino else None)
        with here, in_bits, on:
            dataset = open_dataset(dataset_spec(str(photos)))
            backbone = make_backbone(parse(f'{name}(weights="{weights}")'), Images(dataset, np.arange(1)))
            key = extract(dataset, backbone, "cpu", lambda *news: None, print)
            return store.read(key)[np.arange(len(dataset))]

    return embed


@contextmanager
def empty_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def peak(dtype: torch.dtype) -> float:
    """Multiply-accumulates a second that this machine reaches in a large convolution on all cores."""
    batch = torch.randn(8, 256, 56, 56, dtype=dtype).contiguous(memory_format=torch.channels_last)
    layer = nn.Conv2d(256, 256, 3, padding=1).to(dtype).to(memory_format=torch.channels_last)
    taken = []
    with torch.inference_mode():
        for _ in range(8):
            started = time.perf_counter()
            layer(batch)
            taken.append(time.perf_counter() - started)
    return 8 * 56 * 56 * 256 * 256 * 9 / min(taken)


def main() -> None:
    n, rounds = (int(text) for text in (*sys.argv[1:3], *("1000", "3")[len(sys.argv[1:3]) :]))
    names = (sys.argv[3] if len(sys.argv) > 3 else "resnet18, squeezenet1_0").split(", ")
    with empty_folder() as photos, empty_folder() as kept:
        what = some_photos(n, photos)
        peaks = {"float32": peak(torch.float32), "bfloat16": peak(torch.bfloat16)}
        told = ", ".join(f"{bits} {2 * rate / 1e9:.0f} GFLOP/s" for bits, rate in peaks.items())
        print(f"{n} {what}, {CORES} cores, {rounds} rounds; peak of convolutions on all cores: {told}")
        for name in names:
            compare(name, photos, weights_file(name, kept), rounds, peaks, n)


def compare(name: str, photos: Path, weights: str, rounds: int, peaks: dict[str, float], n: int) -> None:
    ways: dict[str, Callable[[Path, str, str, Path], np.ndarray]] = {"torchvision DataLoader": by_torchvision}
    if find_spec("timm"):
        ways["timm loader"] = by_timm
    for openvino in (False, True) if find_spec("openvino") else (False,):
        for bits in ("float32", "bfloat16"):
            ways[f"embedkit, {'OpenVINO' if openvino else 'torch'}, {bits}"] = by_embedkit(bits, openvino)
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    rows = {}
    for _ in range(rounds):
        for way, embed in ways.items():
            with empty_folder() as out:
                started = time.perf_counter()
                rows[way] = embed(photos, name, weights, out)
                seconds[way].append(time.perf_counter() - started)
    reference = rows["torchvision DataLoader"]
    y = np.array(torchvision.datasets.ImageFolder(str(photos)).targets)
    half = np.random.default_rng(0).permutation(len(y))
    train, test = half[: len(y) // 2], half[len(y) // 2 :]
    says = {way: make_head("lda").fit(X[train], y[train]).predict(X[test]) for way, X in rows.items()}
    usual = min(statistics.median(seconds[way]) for way in ways if not way.startswith("embedkit"))
    macs = _macs(name, weights)
    print(f"{name}\n  {'':30} images/s  ratio  least cosine  same LDA predictions  share of peak")
    for way, X in rows.items():
        taken = statistics.median(seconds[way])
        cosines = np.sum(X * reference, axis=1) / np.linalg.norm(X, axis=1) / np.linalg.norm(reference, axis=1)
        same = np.mean(says[way] == says["torchvision DataLoader"])
        share = macs * n / taken / peaks["bfloat16" if "bfloat16" in way else "float32"]
        print(f"  {way:30} {n / taken:8.1f} {usual / taken:6.2f} {cosines.min():13.5f} {same:21.1%} {share:14.1%}")


def _macs(name: str, weights: str) -> int:
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        embedder(name, weights)(torch.zeros(1, 3, 224, 224))
    return counter.get_total_flops() // 2


if __name__ == "__main__":
    main()
