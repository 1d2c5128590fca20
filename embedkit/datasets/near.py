"""Near duplicates: pairs of images that look alike at a small size, found without comparing all with all.

Each image has a perceptual hash of 64 bits, the signs of its lowest frequencies (Zauner 2010, "Implementation and
benchmarking of perceptual image hash functions"). Hashes that differ in seven bits at most have one of their eight
bytes in common (multi-index hashing; Norouzi, Punjani, Fleet 2012), so only images that share one are compared; of
these, pairs are kept whose thumbnails correlate. In photos these are the same picture with other colours, sharpness or
margins. Images that are drawn on one grey level, and tiny ones, are alike where their outlines are: `shows_enough`
tells them apart from photos.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

SIDE = 32
BITS_MAX = 7
CORRELATION_MIN = 0.95
ONE_LEVEL_MAX = 0.5
"""Share of a thumbnail; of 3,781 photos of clothes 29 have more than 0.1, the most 0.49."""
_PAIRS_PER_BATCH = 65536


def thumbnail(image: np.ndarray) -> np.ndarray:
    """An image (H, W, 1 or 3) uint8 in grey, (SIDE, SIDE) uint8."""
    from PIL import Image

    grey = Image.fromarray(image if image.shape[2] == 3 else image[..., 0]).convert("L")
    return np.asarray(grey.resize((SIDE, SIDE), Image.Resampling.BOX, reducing_gap=2))


def shows_enough(image: np.ndarray, small: np.ndarray) -> bool:
    """Whether an image (H, W, C) and its thumbnail show more than an outline.

    No side is below `SIDE`, and no grey level takes more than `ONE_LEVEL_MAX` of the thumbnail.
    """
    one_level = int(np.bincount(small.ravel()).max())
    return min(image.shape[:2]) >= SIDE and one_level <= ONE_LEVEL_MAX * small.size


def hashes(thumbnails: np.ndarray) -> np.ndarray:
    """Perceptual hashes, uint64 of shape (n,), of thumbnails (n, SIDE, SIDE) uint8."""
    from scipy.fft import dctn

    found = [np.zeros(0, dtype=np.uint64)]
    for at in range(0, len(thumbnails), 4096):
        waves = dctn(thumbnails[at : at + 4096].astype(np.float32), axes=(1, 2))[:, :8, :8].reshape(-1, 64)
        bits = waves > np.median(waves[:, 1:], axis=1, keepdims=True)
        found.append(np.packbits(bits, axis=1).view(np.uint64)[:, 0])
    return np.concatenate(found)


def near_pairs(thumbnails: np.ndarray) -> np.ndarray:
    """Pairs of indices, int64 of shape (m, 2), of images that look alike, the most alike first.

    Exact copies are among them; an image of one grey level is like no other.
    """
    small = (
        thumbnails.reshape(-1, SIDE // 2, 2, SIDE // 2, 2).mean(axis=(2, 4), dtype=np.float32).reshape(-1, SIDE**2 // 4)
    )
    pairs, alike = [np.zeros((0, 2), dtype=np.int64)], [np.zeros(0, dtype=np.float32)]
    for candidates in _candidates(hashes(thumbnails)):
        correlations = _correlations(small[candidates[:, 0]], small[candidates[:, 1]])
        kept = correlations >= CORRELATION_MIN
        pairs.append(candidates[kept])
        alike.append(correlations[kept])
    return np.concatenate(pairs)[np.argsort(-np.concatenate(alike), kind="stable")]


def _candidates(hashed: np.ndarray) -> Iterator[np.ndarray]:
    """Pairs whose hashes differ in `BITS_MAX` bits at most, each once, in batches."""
    eighths = hashed.view(np.uint8).reshape(-1, 8)
    for at, eighth in enumerate(eighths.T):
        order = np.argsort(eighth, kind="stable")
        sorted_eighth, sorted_hash = eighth[order], hashed[order]
        first = np.arange(len(order))
        found: list[np.ndarray] = []
        for distance in range(1, len(order) + 1):
            first = first[: np.searchsorted(first, len(order) - distance)]
            first = first[sorted_eighth[first] == sorted_eighth[first + distance]]
            close = first[np.bitwise_count(sorted_hash[first] ^ sorted_hash[first + distance]) <= BITS_MAX]
            pairs = np.sort(np.stack([order[close], order[close + distance]], axis=1), axis=1)
            seen_before = (eighths[pairs[:, 0], :at] == eighths[pairs[:, 1], :at]).any(axis=1)
            found.append(pairs[~seen_before])
            if not len(first) or sum(map(len, found)) > _PAIRS_PER_BATCH:
                yield np.concatenate(found)
                found = []
            if not len(first):
                break


def _correlations(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Of rows of a and b (m, d) float32, shape (m,); 0 where a row is constant."""
    a, b = a - a.mean(axis=1, keepdims=True), b - b.mean(axis=1, keepdims=True)
    norms = np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))
    return np.divide((a * b).sum(axis=1), norms, out=np.zeros(len(a), dtype=np.float32), where=norms > 0)
