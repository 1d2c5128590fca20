"""Small data, the same everywhere: clusters, noisy images and photos as JPEG files. Nothing is downloaded."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

CLASSES = 10


def clusters(n: int, width: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Rows (n, width) float32 around ten centres, and classes (n,) 0 to 9, in turn; most can be told apart.

    The centres depend on the width only, and the rows on the seed as well.
    """
    centres = np.random.default_rng(99).normal(size=(CLASSES, width)) * 2 / width**0.25
    y = np.arange(n) % CLASSES
    noise = np.random.default_rng(seed).normal(size=(n, width))
    return (centres[y] + noise).astype(np.float32), y


def small_images(n: int, side: int = 32) -> np.ndarray:
    """Images (n, side, side, 3) uint8: smooth blobs under noise."""
    rng = np.random.default_rng(0)
    smooth = np.kron(rng.integers(0, 200, (n, side // 8, side // 8, 3)), np.ones((1, 8, 8, 1)))
    return (smooth + rng.integers(0, 56, (n, side, side, 3))).astype(np.uint8)


def save_images(file: Path, n: int, side: int = 32) -> str:
    """Write an .npz file of small images in ten classes, the last fifth to test on, and return its path as a spec."""
    splits = np.where(np.arange(n) < n * 4 // 5, "train", "test")
    np.savez(file, X=small_images(n, side), y=np.arange(n) % CLASSES, splits=splits)
    return str(file)


def jpegs(n: int) -> list[bytes]:
    """Photos of 400 x 533 as the bytes of JPEG files, of about 50 kB each."""
    rng = np.random.default_rng(0)
    files = []
    for _ in range(n):
        coarse = Image.fromarray(rng.integers(0, 256, (40, 54, 3), dtype=np.uint8))
        buffer = io.BytesIO()
        coarse.resize((533, 400), Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=90)
        files.append(buffer.getvalue())
    return files


def save_photos(folder: Path, n: int) -> str:
    """Fill a folder with JPEG files in two class folders and return its path as a spec."""
    for number, data in enumerate(jpegs(n)):
        file = folder / "ab"[number % 2] / f"{number:05d}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    return str(folder)
