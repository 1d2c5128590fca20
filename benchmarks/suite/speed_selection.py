"""How long choosing parameters by inner cross-validation takes."""

from __future__ import annotations

import time

import numpy as np

from . import data, heads, pinned

assert pinned

N_LABELED, WIDTH = 100, 128


class Selection:
    """Five folds over all candidates of a head's grid, or what a head has in place of them."""

    version = "1"
    timeout = 120
    param_names = ("head",)
    params = (["linear", "svm", "logistic", "ridge", "knn", "xgboost"],)
    timer = time.process_time
    number, repeat, rounds, warmup_time = 1, (4, 8, 1.0), 2, 0

    def setup(self, name: str) -> None:
        from embedkit.heads.problem import Problem, Rows
        from embedkit.selection import choose
        from embedkit.spec import parse

        heads.warm(name)
        X, y = data.clusters(N_LABELED, WIDTH)
        everything = np.arange(N_LABELED)

        def selected() -> None:
            rows = Rows(X)  # new ones: inner products of rows are kept with them
            choose(parse(name), Problem(rows, everything, y, "classification", data.CLASSES, 0), everything)

        self.selected = selected

    def time_choose(self, name: str) -> None:
        self.selected()
