"""Embedding on a GPU: it decodes JPEG files, gets batches on a stream of their own, gives vectors one batch late."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from torchvision.io import ImageReadMode, decode_jpeg

from embedkit.backbones import Network, Preprocessing
from embedkit.datasets.dataset import Dataset
from embedkit.datasets.decode import decode, is_plain_jpeg
from embedkit.embeddings.held import HeldImages
from embedkit.embeddings.pipeline import BATCH_GPU
from embedkit.embeddings.precision import COSINE_MIN, least_cosine
from embedkit.embeddings.runtime import Runtime, load_with
from embedkit.engines import default_jobs, in_order

_BATCHES_AHEAD = 3

Batch = tuple[torch.Tensor, torch.cuda.Event | None]
"""Loaded images (b, C, h, w) on the GPU, and what to wait for before they are all there."""

Image = bytes | torch.Tensor | None
"""A file that the GPU decodes, an image loaded here, or None where the GPU holds it already."""


class Feeder:
    """Brings batches to a GPU, each by a call: ``feeder(range(0, 256))``; many threads may call it.

    Plain JPEG files are decoded, resized and cropped there, whole batches at a time; other images are loaded here, by
    `each` (such as ``threads.map``), and go there as uint8 from pinned memory.

    Parameters
    ----------
    decodes : bool
        Whether the GPU decodes JPEG files.
    held : HeldImages or None
        Where the images stay for the next network that wants them alike.
    """

    def __init__(
        self, dataset: Dataset, network: Network, device: str, decodes: bool, held: HeldImages | None = None
    ) -> None:
        self._device, self._held = device, held
        self._image, self._load, self._transform = dataset.image, load_with(network), network.transform
        self._encoded = dataset.encoded if decodes and isinstance(self._transform, Preprocessing) else None
        self._stream = torch.cuda.Stream(device) if device.startswith("cuda") else None

    def __call__(self, numbers: range, each: Callable[..., Iterable[Image]] = map) -> Batch:
        images = list(each(self._fetch, numbers))
        with torch.cuda.stream(self._stream):
            batch = self._assembled(numbers, images)
            if self._held is not None and any(image is not None for image in images):
                self._held.keep(numbers, batch)
            return batch, None if self._stream is None else self._stream.record_event()

    def _fetch(self, i: int) -> Image:
        if self._held is not None and self._held.holds(i):
            return None
        if self._encoded is None:
            return self._load(self._image(i))
        data = self._encoded(i)
        return data if is_plain_jpeg(data) else self._load(decode(data))

    def _assembled(self, numbers: range, images: Sequence[Image]) -> torch.Tensor:
        rows: dict[int, torch.Tensor] = {}
        files = {k: image for k, image in enumerate(images) if isinstance(image, bytes)}
        loaded = {k: image for k, image in enumerate(images) if isinstance(image, torch.Tensor)}
        if files:
            rows |= zip(files, self._decoded(list(files.values())), strict=True)
        if loaded:
            together = torch.stack(list(loaded.values()))
            pinned = together if self._stream is None else together.pin_memory()
            rows |= zip(loaded, pinned.to(self._device, non_blocking=True), strict=True)
        if self._held is not None:
            rows |= {k: self._held.pixels[numbers[k]] for k, image in enumerate(images) if image is None}
        return torch.stack([rows[k] for k in range(len(images))])

    def _decoded(self, files: Sequence[bytes]) -> list[torch.Tensor]:
        """Each file as the network wants it, (3, crop, crop) uint8; those of one size are resized together."""
        assert isinstance(self._transform, Preprocessing)
        encoded = [torch.frombuffer(bytearray(file), dtype=torch.uint8) for file in files]
        images = decode_jpeg(encoded, ImageReadMode.RGB, self._device)
        alike: dict[torch.Size, list[int]] = {}
        for k, image in enumerate(images):
            alike.setdefault(image.shape, []).append(k)
        rows: dict[int, torch.Tensor] = {}
        for places in alike.values():
            rows |= zip(places, self._transform.crop_centre(torch.stack([images[k] for k in places])), strict=True)
        return [rows[k] for k in range(len(files))]


def agreeing_feeder(
    dataset: Dataset,
    network: Network,
    device: str,
    run: Runtime,
    first: range,
    say: Callable[[str], None],
    held: HeldImages | None,
) -> Feeder:
    """A feeder that decodes on the GPU, where it can and the vectors of the first batch agree; else on the CPU."""
    if dataset.encoded is None or not isinstance(network.transform, Preprocessing):
        return Feeder(dataset, network, device, decodes=False, held=held)
    here, there = (Feeder(dataset, network, device, decodes) for decodes in (False, True))
    try:
        cosine = least_cosine(run(_waited(there(first))), run(_waited(here(first))))
        reason = f"least cosine {cosine:.4f}" if cosine < COSINE_MIN else ""
    except Exception as error:  # no decoder in this build or on this GPU, or one that is gone
        reason = str(error).partition("\n")[0] or type(error).__name__
    if reason:
        say(f"  JPEG files are decoded on the CPU: on the GPU they cannot be, or turn out otherwise ({reason})")
    return Feeder(dataset, network, device, decodes=not reason, held=held)


def embed_on_gpu(run: Runtime, feeder: Callable[..., Batch], batches: Iterable[range]) -> Iterator[np.ndarray]:
    """Vectors (b, d) of each batch; one for which the GPU lacks memory is halved, as are those that follow.

    Vectors are fetched one batch late, so that the GPU has work while they are on their way.
    """
    size, before = BATCH_GPU, None
    with ThreadPoolExecutor(default_jobs()) as threads:
        for batch in in_order(lambda numbers: feeder(numbers, threads.map), batches, _BATCHES_AHEAD):
            vectors, size = _fitting(run, _waited(batch), size)
            coming = _on_their_way(vectors)
            if before is not None:
                yield before()
            before = coming
    if before is not None:
        yield before()


def _waited(batch: Batch) -> torch.Tensor:
    """The images, for what is launched from now on."""
    images, ready = batch
    if ready is not None:
        stream = torch.cuda.current_stream(images.device)
        stream.wait_event(ready)
        images.record_stream(stream)
    return images


def _on_their_way(vectors: torch.Tensor) -> Callable[[], np.ndarray]:
    """Begin to copy vectors from the GPU; what is returned waits for them alone."""
    if not vectors.is_cuda:
        return vectors.numpy
    here = torch.empty(vectors.shape, dtype=vectors.dtype, pin_memory=True)
    here.copy_(vectors, non_blocking=True)
    copied = torch.cuda.current_stream(vectors.device).record_event()

    def arrived() -> np.ndarray:
        copied.synchronize()
        return here.numpy()

    return arrived


def _fitting(run: Runtime, batch: torch.Tensor, size: int) -> tuple[torch.Tensor, int]:
    """The vectors of a batch, run in parts of a size that the memory holds, and that size."""
    while True:
        try:
            return torch.cat([run(part) for part in batch.split(size)]), size
        except torch.OutOfMemoryError:
            if size == 1:
                raise
            size //= 2
