from __future__ import annotations

import warnings

import numpy as np
import pytest

from embedkit.heads.problem import Prediction, Problem, Rows
from embedkit.heads.routes import Fit, Fitting, alone
from embedkit.heads.routes import side_by_side as module
from embedkit.heads.routes.side_by_side import side_by_side

X = np.zeros((4, 2), dtype=np.float32)


def a_fit(seed: int) -> Fit:
    return Fit("linear", Problem(Rows(X), np.arange(4), np.arange(4) % 2, "classification", 2, seed), [])


def asks(seeds: list[int]) -> Fitting[list[int]]:
    """Asks for one fit after the other, and returns what they say."""
    said = []
    for seed in seeds:
        (predict,) = yield [a_fit(seed)]
        said.append(int(predict(Rows(X).queries(X))[0].values[0]))
    return said


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    """The seeds of the problems that were fitted together; seed 13 fails, and 7 warns."""
    seen: list[list[int]] = []

    def fit_all(fits: list[Fit]):  # type: ignore[no-untyped-def]
        seeds = [fit.problem.seed for fit in fits]
        seen.append(seeds)
        if 13 in seeds:
            raise ValueError("thirteen")
        if 7 in seeds:
            warnings.warn("seven\nand more", stacklevel=1)
        return [lambda queries, seed=seed: [Prediction(np.full(len(queries.X), seed))] for seed in seeds]

    monkeypatch.setattr(module, "fit_all", fit_all)
    return seen


def test_what_is_asked_for_at_one_time_is_fitted_together(calls: list[list[int]]) -> None:
    ended = side_by_side([asks([1, 2, 3]), asks([4]), asks([5, 6])])
    assert [each.result for each in ended] == [[1, 2, 3], [4], [5, 6]]
    assert calls == [[1, 4, 5], [2, 6], [3]]


def test_one_that_fails_does_not_fail_the_others(calls: list[list[int]]) -> None:
    ended = side_by_side([asks([1, 2]), asks([13, 3]), asks([4, 5])])
    assert [each.result for each in ended] == [[1, 2], None, [4, 5]]
    assert [str(each.error) for each in ended] == ["None", "thirteen", "None"]
    assert calls == [[1, 13, 4], [1], [13], [4], [2, 5]]


def test_what_a_computation_raises_is_its_error(calls: list[list[int]]) -> None:
    def fails() -> Fitting[list[int]]:
        yield [a_fit(1)]
        raise KeyError("mine")

    ended = side_by_side([fails(), asks([2])])
    assert isinstance(ended[0].error, KeyError)
    assert ended[1].result == [2]


def test_the_first_line_of_a_warning_is_kept(calls: list[list[int]]) -> None:
    (ended,) = side_by_side([asks([7])])
    assert ended.warnings == {"seven"}


def test_a_computation_alone_gives_its_result() -> None:
    def plain() -> Fitting[int]:
        fit = a_fit(0)
        predicts = yield [Fit("ridge", fit.problem, [{"alpha": 1.0}])]
        return len(predicts)

    assert alone(plain()) == 1
