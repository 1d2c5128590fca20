from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from embedkit.report.payload import columns


@pytest.mark.parametrize(
    ("values", "packed"),
    [
        (["a"] * 3 + ["b"] * 2, {"values": ["a", "b"], "codes": [0, 1], "counts": [3, 2]}),
        (["a", "b", "a"], {"values": ["a", "b"], "codes": [0, 1, 0]}),
        ([None] * 3 + ["a"] * 3, {"values": ["a"], "codes": [-1, 0], "counts": [3, 3]}),
        ([np.nan] * 4, {"values": [], "codes": [-1], "counts": [4]}),
        ([0.123456, 2.0], [0.1235, 2.0]),
        ([], {"values": [], "codes": [], "counts": []}),
    ],
)
def test_equal_values_in_a_row_are_counted(values: list[Any], packed: Any) -> None:
    assert columns(pd.DataFrame({"x": values})) == {"x": packed}
