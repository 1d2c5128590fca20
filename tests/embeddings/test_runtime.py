from __future__ import annotations

import importlib.util
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from embedkit.backbones import Images, Network, make_backbone
from embedkit.datasets import open_dataset
from embedkit.embeddings import runtime
from embedkit.embeddings.runtime import faster_runtime, in_int8, load_with, torch_runtime
from embedkit.spec import parse

needs_openvino = pytest.mark.skipif(importlib.util.find_spec("openvino") is None, reason="needs openvino")
NETWORKS = pytest.mark.parametrize(
    "spec", ['resnet18(weights="none")', 'squeezenet1_1(weights="none", layer="features.5")']
)


def network_of(spec: str) -> Network:
    digits = open_dataset(parse("digits"))
    return make_backbone(parse(spec), Images(digits, np.arange(10))).network("cpu", lambda *news: None)


def photos(n: int) -> list[np.ndarray]:
    return list(np.random.default_rng(0).integers(0, 256, (n, 64, 48, 3), dtype=np.uint8))


def exact(network: Network, images: list[np.ndarray]) -> torch.Tensor:
    with torch.inference_mode():
        return network.module(torch.stack([network.transform(image) for image in images]))


@NETWORKS
def test_in_float32_it_gives_what_the_network_gives(spec: str) -> None:
    network, images = network_of(spec), photos(3)
    batch = torch.stack([load_with(network)(image) for image in images])
    assert batch.dtype == torch.uint8
    found = torch_runtime(network, "cpu", "float32")(batch)
    wanted = exact(network, images)
    np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-5 * float(wanted.abs().max()))


@NETWORKS
def test_in_bfloat16_it_gives_nearly_that_in_float32(spec: str) -> None:
    network, images = network_of(spec), photos(3)
    found = torch_runtime(network, "cpu", "bfloat16")(torch.stack([load_with(network)(image) for image in images]))
    assert found.dtype == torch.float32
    cosines = torch.nn.functional.cosine_similarity(found, exact(network, images))
    assert 0.999 < cosines.min() < 1 - 1e-9


def test_the_network_itself_stays_as_it_was() -> None:
    network = network_of('resnet18(weights="none")')
    before = {name: value.clone() for name, value in network.module.state_dict().items()}
    torch_runtime(network, "cpu", "bfloat16")
    after = network.module.state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(after[name], value) for name, value in before.items())


@pytest.mark.parametrize(("seconds", "faster"), [((2.0, 1.0), "openvino"), ((1.0, 2.0), "torch")])
@needs_openvino
def test_the_faster_one_is_taken(monkeypatch: pytest.MonkeyPatch, seconds: tuple[float, float], faster: str) -> None:
    network = network_of('squeezenet1_1(weights="none")')
    batch = torch.stack([load_with(network)(image) for image in photos(2)])
    by_torch = torch_runtime(network, "cpu", "float32")
    clock = iter(seconds)
    monkeypatch.setattr(runtime, "_seconds", lambda run, batch: next(clock))
    found = faster_runtime(network, "float32", by_torch, batch, n_images=10_000)
    assert (found is by_torch) == (faster == "torch")
    np.testing.assert_allclose(found(batch), by_torch(batch), rtol=1e-2, atol=1e-4)


@needs_openvino
def test_a_network_that_openvino_does_not_know_is_left_to_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    import openvino

    def unknown(*arguments: object, **options: object) -> None:
        raise RuntimeError("no conversion rule")

    monkeypatch.setattr(openvino, "convert_model", unknown)
    network = network_of('squeezenet1_1(weights="none")')
    batch = torch.stack([load_with(network)(image) for image in photos(2)])
    by_torch = torch_runtime(network, "cpu", "float32")
    assert faster_runtime(network, "float32", by_torch, batch, n_images=10_000) is by_torch


@needs_openvino
def test_for_few_images_openvino_is_not_even_converted_to(monkeypatch: pytest.MonkeyPatch) -> None:
    import openvino

    monkeypatch.setattr(openvino, "convert_model", None)
    network = network_of('squeezenet1_1(weights="none")')
    batch = torch.stack([load_with(network)(image) for image in photos(2)])
    by_torch = torch_runtime(network, "cpu", "float32")
    assert faster_runtime(network, "float32", by_torch, batch, n_images=2) is by_torch


def test_ways_are_timed_on_one_thread_each() -> None:
    seen = set()

    def run(batch: torch.Tensor) -> torch.Tensor:
        seen.add(torch.get_num_threads())
        return batch

    assert runtime._seconds(run, torch.zeros(1)) >= 0
    assert seen == {1}


@needs_openvino
@pytest.mark.skipif(importlib.util.find_spec("nncf") is None, reason="needs nncf")
def test_int8_gives_nearly_what_float32_gives_on_every_thread() -> None:
    network, images = network_of('squeezenet1_1(weights="none", layer="features.5")'), photos(8)
    batch = torch.stack([load_with(network)(image) for image in images])
    run = in_int8(network, "cpu", batch)
    with ThreadPoolExecutor(3) as threads:
        found = list(threads.map(run, [batch] * 6))
    assert min(torch.nn.functional.cosine_similarity(rows, exact(network, images)).min() for rows in found) > 0.99
    assert all(torch.equal(rows, found[0]) for rows in found)
