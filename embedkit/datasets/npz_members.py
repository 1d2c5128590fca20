"""The arrays inside a .npz file: small ones in memory, large ones mapped from a file that goes with the process."""

from __future__ import annotations

import shutil
import tempfile
import zipfile

import numpy as np

from embedkit import artefacts
from embedkit.errors import EmbedkitError

IN_MEMORY_MAX_BYTES = 2**26


def read_members(path: str) -> dict[str, np.ndarray]:
    """All arrays of a .npz file, by name.

    Raises
    ------
    EmbedkitError
        Where an array holds Python objects, or there is no room for a large one.
    OSError, ValueError, BadZipFile, ...
        Where the file is damaged.
    """
    with zipfile.ZipFile(path) as archive:
        members = [member for member in archive.infolist() if member.filename.endswith(".npy")]
        return {member.filename.removesuffix(".npy"): _read(path, archive, member) for member in members}


def _read(path: str, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> np.ndarray:
    name = member.filename.removesuffix(".npy")
    with archive.open(member) as file:
        version = np.lib.format.read_magic(file)
        header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran_order, dtype = header(file)
        if dtype.hasobject:
            raise EmbedkitError(
                f"{path!r}: the array {name!r} holds Python objects, which could run code when they are read; "
                f"save numbers or text, such as {name}.astype(str)"
            )
        if member.file_size <= IN_MEMORY_MAX_BYTES:
            with archive.open(member) as whole:
                return np.lib.format.read_array(whole, allow_pickle=False)
        folder = artefacts.folder("arrays")
        with tempfile.TemporaryFile(dir=folder) as unpacked:
            try:
                shutil.copyfileobj(file, unpacked, 2**20)
            except OSError as error:
                raise artefacts.unwritable(folder, error) from None
            return np.memmap(unpacked, dtype, "r", shape=shape, order="F" if fortran_order else "C")
