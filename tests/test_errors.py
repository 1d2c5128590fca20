from __future__ import annotations

import pytest

from embedkit.errors import counted


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((0, "image"), "0 images"),
        ((1, "unreadable image"), "1 unreadable image"),
        ((2, "class"), "2 classes"),
        ((1, "class"), "1 class"),
        ((2, "key has", "keys have"), "2 keys have"),
        ((1, "key has", "keys have"), "1 key has"),
    ],
)
def test_one_is_told_in_the_singular(words: tuple[int, str], told: str) -> None:
    assert counted(*words) == told
