from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from embedkit.errors import EmbedkitError
from embedkit.pool_artefacts import Arrays, found_or_made


def test_arrays_come_back_as_they_were_made(cache: Path) -> None:
    made = {"turned": np.arange(6, dtype=np.float32).reshape(2, 3).T, "counts": np.arange(3, dtype=np.int32)}
    for found in (found_or_made({"a": 1}, lambda: made), found_or_made({"a": 1}, dict)):
        for name, array in made.items():
            np.testing.assert_array_equal(found[name], array)
            assert found[name].dtype == array.dtype
    assert len(list((cache / "pools").glob("*.safetensors"))) == 1


def test_another_recipe_is_another_artefact() -> None:
    first, second = (found_or_made({"a": a}, lambda a=a: {"x": np.full(2, a)}) for a in (1, 2))
    assert (first["x"][0], second["x"][0]) == (1, 2)


def test_where_several_ask_at_once_one_makes_it_and_the_others_wait() -> None:
    calls = []

    def make() -> Arrays:
        calls.append(time.sleep(0.2))
        return {"x": np.ones(1)}

    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda _: found_or_made({"a": 1}, make)["x"][0], range(4)))
    assert found == [1, 1, 1, 1]
    assert len(calls) == 1


def test_what_fails_leaves_nothing_behind_and_may_be_made_again() -> None:
    with pytest.raises(ZeroDivisionError):
        found_or_made({"a": 1}, lambda: {"x": np.ones(1 // 0)})
    assert found_or_made({"a": 1}, lambda: {"x": np.ones(1)})["x"] == 1


def test_a_cache_that_cannot_be_written_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("EMBEDKIT_CACHE", str(tmp_path / "file"))
    with pytest.raises(EmbedkitError, match=r"cannot write .*set EMBEDKIT_CACHE"):
        found_or_made({"a": 1}, lambda: {"x": np.ones(1)})
