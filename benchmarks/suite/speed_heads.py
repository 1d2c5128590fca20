"""How long every head takes to fit and to predict."""

from __future__ import annotations

import time

from . import heads, pinned

assert pinned


class Fit:
    """Fitting a head to labelled rows."""

    version = "1"
    timeout = 120
    param_names = ("head", "labels x width")
    params = (heads.NAMES, list(heads.SIZES))
    timer = time.process_time
    number, repeat, rounds, warmup_time = 1, (5, 10, 1.0), 2, 0

    def setup(self, name: str, size: str) -> None:
        heads.warm(name)
        self.head, self.rows = heads.unfitted(name), heads.training_rows(name, *heads.SIZES[size])

    def time_fit(self, name: str, size: str) -> None:
        self.head.fit(*self.rows)


class Predict:
    """Predicting 1,000 rows by a fitted head."""

    version = "1"
    timeout = 120
    param_names = ("head", "labels x width")
    params = (heads.NAMES, list(heads.SIZES))
    timer = time.process_time
    number, repeat, rounds, warmup_time = 1, (5, 10, 1.0), 2, 0

    def setup(self, name: str, size: str) -> None:
        heads.warm(name)
        n_labeled, width = heads.SIZES[size]
        self.head, self.rows = heads.fitted(name, n_labeled, width), heads.queries(width)

    def time_predict(self, name: str, size: str) -> None:
        self.head.predict(self.rows)
