"""How time grows with labels, width, images and rows: the exponent of seconds over size, 1 for linear growth.

Sizes are a factor 16 apart, and beyond those where what is the same for all of them counts; so they differ by head.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from . import data, finished_study, heads, pinned, stopwatch

LABELS = {"linear": 500, "svm": 500, "logistic": 2000, "lda": 2000, "xgboost": 500}
"""The fewest of a head's fits, 64 wide."""

WIDTHS = {"linear": 1024, "svm": 256, "logistic": 512, "lda": 512, "xgboost": 64}
"""The least of a head's fits, to 200 labels."""

QUERIES = {"linear": 8000, "svm": 500, "logistic": 8000, "lda": 8000, "knn": 500, "xgboost": 1000}
"""The fewest that a head predicts, 64 wide."""

QUERY_WIDTHS = {"linear": 512, "svm": 64, "logistic": 512, "lda": 512, "knn": 64}
"""The least of rows that a head predicts, 2,000 of them."""


class FitLabels:
    """Fitting a head to more labels."""

    version = "1"
    timeout = 300
    unit = "exponent"
    param_names = ("head",)
    params = (list(LABELS),)

    def track_labels(self, name: str) -> float:
        return stopwatch.growth(lambda n: fit(name, n, 64), sizes_from(LABELS[name]))


class FitWidth:
    """Fitting a head to wider embeddings."""

    version = "1"
    timeout = 300
    unit = "exponent"
    param_names = ("head",)
    params = (list(WIDTHS),)

    def track_width(self, name: str) -> float:
        return stopwatch.growth(lambda width: fit(name, 200, width), sizes_from(WIDTHS[name]))


class PredictRows:
    """Predicting more rows by a head fitted to 200 labels."""

    version = "1"
    timeout = 300
    unit = "exponent"
    param_names = ("head",)
    params = (list(QUERIES),)

    def track_rows(self, name: str) -> float:
        return stopwatch.growth(lambda n: predict(name, n, 64), sizes_from(QUERIES[name]))


class PredictWidth:
    """Predicting wider rows by a head fitted to 200 labels."""

    version = "1"
    timeout = 300
    unit = "exponent"
    param_names = ("head",)
    params = (list(QUERY_WIDTHS),)

    def track_width(self, name: str) -> float:
        return stopwatch.growth(lambda width: predict(name, 2000, width), sizes_from(QUERY_WIDTHS[name]))


class Pipeline:
    """Embedding more images, and reading the rows of more trials."""

    version = "1"
    timeout = 300
    unit = "exponent"

    def setup(self) -> None:
        self.store = pinned.Store()

    def teardown(self) -> None:
        self.store.close()

    def track_extraction_images(self) -> float:
        """Of 32 x 32, through an untrained autoencoder's encoder, into an empty store."""
        import embedkit

        def embed(n: int) -> Callable[[], object]:
            images = data.save_images(Path.cwd() / f"{n}.npz", n)
            seeds = iter(range(100))  # each names another network: none is in the store
            return lambda: embedkit.embed(images, f'autoencoder(weights="none", width=8, seed={next(seeds)})')

        return stopwatch.growth(embed, sizes_from(512), times=3)

    def track_results_rows(self) -> float:
        import embedkit

        def read(n: int) -> Callable[[], object]:
            folder = Path.cwd() / str(n)
            folder.mkdir()
            done = finished_study.finish(finished_study.study_keys(folder, n // finished_study.TRIALS_PER_REPEAT))
            return lambda: embedkit.load_results(done)

        return stopwatch.growth(read, sizes_from(1600))


def sizes_from(least: int) -> list[int]:
    return [least, 4 * least, 16 * least]


def fit(name: str, n_labeled: int, width: int) -> Callable[[], object]:
    head, rows = heads.unfitted(name), heads.training_rows(name, n_labeled, width)
    return lambda: head.fit(*rows)


def predict(name: str, n: int, width: int) -> Callable[[], object]:
    head, rows = heads.fitted(name, 200, width), data.clusters(n, width, seed=1)[0]
    return lambda: head.predict(rows)
