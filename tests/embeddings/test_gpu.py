"""What a GPU does for extraction, on torch's CPU device: the same code without streams."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from embedkit.backbones import Images, Network, make_backbone
from embedkit.datasets import dataset_spec, open_dataset
from embedkit.datasets.dataset import Dataset
from embedkit.datasets.decode import is_plain_jpeg
from embedkit.embeddings import gpu, held
from embedkit.embeddings.gpu import Feeder, agreeing_feeder, embed_on_gpu
from embedkit.embeddings.held import HeldImages
from embedkit.embeddings.runtime import load_with
from embedkit.spec import parse


def feed(numbers: range, each: object = None) -> tuple[torch.Tensor, None]:
    return torch.arange(numbers.start, numbers.stop).float()[:, None, None, None], None


def run(batch: torch.Tensor) -> torch.Tensor:
    return batch.flatten(1)[:, :1] * 10


def in_batches(n: int, size: int) -> Iterable[range]:
    return [range(at, min(at + size, n)) for at in range(0, n, size)]


def test_vectors_come_batch_by_batch_in_order() -> None:
    found = list(embed_on_gpu(run, feed, in_batches(10, 4)))
    assert [rows[:, 0].tolist() for rows in found] == [[0, 10, 20, 30], [40, 50, 60, 70], [80, 90]]


def test_only_a_few_batches_are_fed_ahead() -> None:
    fed: list[range] = []

    def logged(numbers: range, each: object) -> tuple[torch.Tensor, None]:
        fed.append(numbers)
        return feed(numbers)

    next(iter(embed_on_gpu(run, logged, in_batches(100_000, 1))))
    assert len(fed) < 10


def test_an_image_that_cannot_be_loaded_ends_it() -> None:
    def broken(numbers: range, each: object) -> tuple[torch.Tensor, None]:
        if 5 in numbers:
            raise OSError("the disk is gone")
        return feed(numbers)

    with pytest.raises(OSError, match="the disk is gone"):
        list(embed_on_gpu(run, broken, in_batches(10, 2)))


def test_a_batch_that_does_not_fit_is_halved_for_good() -> None:
    sizes: list[int] = []

    def small(batch: torch.Tensor) -> torch.Tensor:
        sizes.append(len(batch))
        if len(batch) > 70:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return run(batch)

    found = np.concatenate(list(embed_on_gpu(small, feed, in_batches(512, 256))))
    np.testing.assert_array_equal(found[:, 0], np.arange(512) * 10)
    assert sizes == [256, 128, *[64] * 8]


def test_an_image_that_does_not_fit_is_an_error() -> None:
    def none(batch: torch.Tensor) -> torch.Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(torch.OutOfMemoryError):
        list(embed_on_gpu(none, feed, in_batches(4, 4)))


def photo(side: int, seed: int) -> Image.Image:
    coarse = np.random.default_rng(seed).integers(0, 256, (4, 3, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((side, side + 8), Image.Resampling.BICUBIC)


def encoded(image: Image.Image, form: str = "JPEG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def turned() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return encoded(photo(60, 9), exif=exif)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Plain JPEG files of two sizes, one turned by EXIF, one grey, one in CMYK, and a PNG file."""
    root: Path = tmp_path_factory.mktemp("photos")
    files = {f"{i}.jpg": encoded(photo(60 if i % 2 else 80, i), quality=95) for i in range(6)}
    files |= {"turned.jpg": turned(), "other.png": encoded(photo(70, 10), "PNG")}
    files |= {"grey.jpg": encoded(photo(60, 11).convert("L")), "cmyk.jpg": encoded(photo(60, 12).convert("CMYK"))}
    for place, (name, data) in enumerate(files.items()):
        folder = root / "ab"[place % 2]
        folder.mkdir(exist_ok=True)
        (folder / name).write_bytes(data)
    return open_dataset(dataset_spec(str(root)))


@pytest.fixture(scope="module")
def network(photos: Dataset) -> Network:
    spec = parse('squeezenet1_1(weights="none", layer="features.2", image_size=64)')
    return make_backbone(spec, Images(photos, np.arange(len(photos)))).network("cpu", lambda *news: None)


def test_plain_jpeg_files_are_told_from_those_that_rules_are_for(photos: Dataset) -> None:
    assert photos.encoded is not None
    plain = {Path(id_).name for i, id_ in enumerate(photos.ids) if is_plain_jpeg(photos.encoded(i))}
    assert plain == {f"{i}.jpg" for i in range(6)}


def test_files_decoded_there_are_the_images_decoded_here(photos: Dataset, network: Network) -> None:
    load, everything = load_with(network), range(len(photos))
    wanted = torch.stack([load(photos.image(i)) for i in everything])
    found, _ = Feeder(photos, network, "cpu", decodes=True)(everything)
    assert found.dtype == torch.uint8
    assert (found.int() - wanted.int()).abs().max() <= 1
    torch.testing.assert_close(Feeder(photos, network, "cpu", decodes=False)(everything)[0], wanted, rtol=0, atol=0)


def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    sizes: list[int] = []
    decode: Callable[..., list[torch.Tensor]] = gpu.decode_jpeg

    def logged(files: list[torch.Tensor], *options: object) -> list[torch.Tensor]:
        sizes.append(len(files))
        return decode(files, *options)

    monkeypatch.setattr(gpu, "decode_jpeg", logged)
    return sizes


def mean_colour(batch: torch.Tensor) -> torch.Tensor:
    return batch.float().mean(dim=(2, 3))


def test_where_the_decoder_agrees_it_is_used(
    photos: Dataset, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes, said = counted(monkeypatch), []
    feeder = agreeing_feeder(photos, network, "cpu", mean_colour, range(10), said.append, None)
    feeder(range(10))
    assert sizes == [6, 6]
    assert said == []


def test_where_it_fails_files_are_decoded_here(
    photos: Dataset, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(*arguments: object) -> None:
        raise RuntimeError("no nvjpeg\nin this build")

    monkeypatch.setattr(gpu, "decode_jpeg", missing)
    said: list[str] = []
    feeder = agreeing_feeder(photos, network, "cpu", mean_colour, range(10), said.append, None)
    assert len(feeder(range(10))[0]) == 10
    assert said == ["  JPEG files are decoded on the CPU: on the GPU they cannot be, or turn out otherwise (no nvjpeg)"]


def test_where_it_gives_other_images_files_are_decoded_here(
    photos: Dataset, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    def other(files: list[torch.Tensor], *options: object) -> list[torch.Tensor]:
        return [torch.eye(64, dtype=torch.uint8).expand(3, 64, 64) * torch.tensor([255, 0, 0])[:, None, None]] * len(
            files
        )

    monkeypatch.setattr(gpu, "decode_jpeg", other)
    said: list[str] = []
    agreeing_feeder(photos, network, "cpu", mean_colour, range(10), said.append, None)
    assert "(least cosine 0." in said[0]


def test_images_stay_for_the_next_network_that_wants_them_alike(
    photos: Dataset, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(held, "_free_bytes", lambda device: 2 * 10 * 3 * 64 * 64)
    sizes, room = counted(monkeypatch), HeldImages()
    first = Feeder(photos, network, "cpu", decodes=True, held=room.make_room(photos, network, "cpu"))(range(10))[0]
    again = Feeder(photos, network, "cpu", decodes=True, held=room.make_room(photos, network, "cpu"))
    assert sizes == [6]
    torch.testing.assert_close(again(range(4, 8))[0], first[4:8], rtol=0, atol=0)
    assert sizes == [6]
    smaller = network._replace(transform=network.transform.at(32))  # type: ignore[attr-defined]
    assert Feeder(photos, smaller, "cpu", True, room.make_room(photos, smaller, "cpu"))(range(4))[0].shape[-1] == 32


def test_images_that_do_not_fit_do_not_stay(photos: Dataset, network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held, "_free_bytes", lambda device: 2 * 10 * 3 * 64 * 64 - 2)
    assert HeldImages().make_room(photos, network, "cpu") is None


@pytest.mark.gpu
def test_on_a_gpu_vectors_are_those_of_the_cpu(photos: Dataset, network: Network) -> None:
    from embedkit.embeddings.runtime import torch_runtime

    wanted = torch_runtime(network, "cpu", "float32")(Feeder(photos, network, "cpu", decodes=False)(range(10))[0])
    run = torch_runtime(network, "cuda", "float32")
    feeder = agreeing_feeder(photos, network, "cuda", run, range(10), pytest.fail, None)
    found = np.concatenate(list(embed_on_gpu(run, feeder, in_batches(10, 4))))
    assert torch.nn.functional.cosine_similarity(torch.from_numpy(found), wanted).min() > 0.999
