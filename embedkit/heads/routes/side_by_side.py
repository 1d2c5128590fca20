"""Several computations that ask for fits, kept in step, so that what they ask for at one time is fitted together."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from embedkit.heads.problem import Predict
from embedkit.heads.routes import Fit, Fitting, fit_all

T = TypeVar("T")


@dataclass
class Ended(Generic[T]):
    """How a computation ended: its result or its error, and the first line of each warning on the way."""

    result: T | None = None
    error: Exception | None = None
    warnings: set[str] = field(default_factory=set)


def side_by_side(fittings: Sequence[Fitting[T]]) -> list[Ended[T]]:
    """The end of each; where fits fail together they are made one computation at a time, so that only one may fail."""
    ended: list[Ended[T]] = [Ended() for _ in fittings]
    asking = {place: fits for place, each in enumerate(fittings) if (fits := _resumed(ended[place], each.__next__))}
    while asking:
        answers = _answers(asking, ended)
        asking = {
            place: fits
            for place, answer in answers.items()
            if (fits := _resumed(ended[place], _answering(fittings[place], answer)))
        }
    return ended


def _answering(fitting: Fitting[T], answer: list[Predict] | Exception) -> Callable[[], list[Fit]]:
    if isinstance(answer, Exception):
        return lambda: fitting.throw(answer)
    return lambda: fitting.send(answer)


def _resumed(ended: Ended[T], go_on: Callable[[], list[Fit]]) -> list[Fit]:
    """What is asked for next, nothing at the end."""
    try:
        with _noted([ended]):
            return go_on()
    except StopIteration as done:
        ended.result = done.value
    except Exception as error:  # any failure of any head is its own; the others go on
        ended.error = error
    return []


def _answers(asking: dict[int, list[Fit]], ended: Sequence[Ended[T]]) -> dict[int, list[Predict] | Exception]:
    try:
        with _noted([ended[place] for place in asking]):
            made = iter(fit_all([fit for fits in asking.values() for fit in fits]))
    except Exception as error:  # as above
        if len(asking) == 1:
            return dict.fromkeys(asking, error)
        return {place: _answers({place: fits}, ended)[place] for place, fits in asking.items()}
    return {place: [next(made) for _ in fits] for place, fits in asking.items()}


@contextmanager
def _noted(ended: Sequence[Ended[T]]) -> Iterator[None]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warnings.filterwarnings("ignore", "The number of unique classes is greater than 50%")  # as asked: few labels
        try:
            yield
        finally:
            told = {str(warning.message).strip().partition("\n")[0] for warning in caught} - {""}
            for each in ended:
                each.warnings |= told
