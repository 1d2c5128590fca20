"""Where downloaded data sets live, and how they get there: whole or not at all."""

from __future__ import annotations

import os
import shutil
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from embedkit import artefacts
from embedkit.errors import EmbedkitError


def data_folder() -> Path:
    """``EMBEDKIT_DATA``, or ``data`` in the user's folder for data."""
    if chosen := os.environ.get("EMBEDKIT_DATA"):
        return Path(chosen)
    import platformdirs

    return Path(platformdirs.user_data_dir("embedkit"), "data")


def is_absent(folder: Path) -> bool:
    """Whether there is nothing in a folder, so that a download may fill it."""
    return not folder.exists() or (folder.is_dir() and not any(folder.iterdir()))


def fetch(folder: Path, download: Callable[[Path], object]) -> None:
    """Have `download` fill a folder that is absent; what is cut short is never taken for the whole.

    Of several processes one downloads, and the others wait for it. Archives are unpacked by ``tarfile.data_filter``: no
    member may leave the folder (PEP 706).

    Raises
    ------
    EmbedkitError
        Where this Python is too old to unpack them so.
    """
    if not hasattr(tarfile, "data_filter"):
        raise EmbedkitError(
            "archives are unpacked safely from Python 3.11.4 on, and this one is older: take a newer one, or fill "
            f"{folder} by hand"
        )
    staged = folder.with_name(f".{folder.name}.part")
    with _alone(folder):
        if not is_absent(folder):
            return
        shutil.rmtree(staged, ignore_errors=True)
        staged.mkdir(parents=True)
        before = tarfile.TarFile.extraction_filter
        tarfile.TarFile.extraction_filter = staticmethod(tarfile.data_filter)
        try:
            download(staged)
            if folder.exists():
                folder.rmdir()
            staged.replace(folder)
        finally:
            tarfile.TarFile.extraction_filter = before
            shutil.rmtree(staged, ignore_errors=True)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One process at a time; the system frees the lock of one that is killed."""
    if os.name != "posix":
        yield
        return
    import fcntl

    with (artefacts.folder("locks") / artefacts.key(str(folder))).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
