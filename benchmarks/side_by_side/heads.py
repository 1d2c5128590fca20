"""How long heads with cross-validated parameters take, beside a scikit-learn loop, plain and as an expert writes it.

The sweep: every default head, budgets of 5, 10, 25 and 100 labels per class, so many draws, parameters chosen in five
folds, 10,000 test images, 512-wide SqueezeNet embeddings of images from CIFAR-10's training set (without them,
clusters). Three ways, each on two processes of one thread:

- embedkit: `embedkit.measure.evaluate`, as a study runs it;
- plain: GridSearchCV over the same grids, with joblib over draws and budgets, estimators as they come;
- expert: the same with dual=True, max_bin=64, RidgeClassifierCV, LogisticRegressionCV and brute-force neighbours.

Fully connected heads are scikit-learn's MLPClassifier in the plain loop (three values of its weight decay), and
embedkit's own estimator in the expert's. Printed per head: seconds, ratios, accuracies, and the share of embedkit's
predictions that are those of its plain estimator, fitted directly with the parameters that were chosen. (The loops
choose by the highest hit rate, embedkit keeps a default unless another is clearly better: their predictions differ.)

Usage: python benchmarks/side_by_side/heads.py [draws] [heads]
The defaults are 5 draws and all default heads. Needs `pip install pyarrow` and the folder that EMBEDKIT_SHARED_DATA
names, or ../shared/data, for real embeddings.
"""

from __future__ import annotations

import os
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from sklearn.base import clone
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV, RidgeClassifier, RidgeClassifierCV
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.neighbors import KNeighborsClassifier, NearestCentroid
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC, LinearSVC
from xgboost import XGBClassifier

import embedkit as ek
from embedkit import artefacts, engines
from embedkit.embeddings import store
from embedkit.heads import HEADS, make_head
from embedkit.heads.scaling import ScalarScaler
from embedkit.measure import evaluate
from embedkit.spec import parse, split_list
from embedkit.study import DEFAULT_HEADS
from embedkit.trials import Task, Trial, groups

SHARED = Path(os.environ.get("EMBEDKIT_SHARED_DATA", Path(__file__).parents[3] / "shared" / "data"))
BUDGETS = (5, 10, 25, 100)
LABELLED, TESTED = 3000, 10_000
JOBS = 2


def embeddings() -> tuple[np.ndarray, np.ndarray, str]:
    """Rows (13000, 512) float32, classes (13000,), and what they are."""
    if not (SHARED / "cifar10").is_dir():
        rng = np.random.default_rng(0)
        y = np.arange(LABELLED + TESTED) % 10
        return (0.25 * rng.normal(size=(10, 512))[y] + rng.normal(size=(len(y), 512))).astype("f4"), y, "clusters"
    from pyarrow import parquet

    columns = parquet.read_table(SHARED / "cifar10" / "train-00000-of-00001.parquet")
    columns = columns.slice(20_000, LABELLED + TESTED)
    photos = artefacts.folder("benchmarks", "cifar10-heads")
    for i, (image, label) in enumerate(zip(columns["image"].to_pylist(), columns["label"].to_pylist(), strict=True)):
        file = artefacts.folder("benchmarks", "cifar10-heads", str(label)) / f"{i:05d}.jpg"
        if not file.exists():
            file.write_bytes(image["bytes"])
    weights = SHARED / "weights" / "squeezenet1_0-deepcompression.pth"
    X, names = ek.embed(str(photos), f"squeezenet1_0(weights={str(weights)!r})")
    mixed = np.random.default_rng(0).permutation(len(X))
    return X[mixed], names[mixed].astype(int), "SqueezeNet embeddings of CIFAR-10 training images"


def draw(y: np.ndarray, budget: int, repeat: int) -> np.ndarray:
    """Indices of so many labels per class; a smaller budget is part of a larger one."""
    order = np.random.default_rng(repeat).permutation(LABELLED)
    return np.concatenate([order[y[order] == label][:budget] for label in np.unique(y)])


Chosen = dict[str, Any] | None


def embedkit_sweep(
    head: str, X: np.ndarray, y: np.ndarray, draws: int
) -> tuple[dict[tuple[int, int], np.ndarray], dict[tuple[int, int], Chosen]]:
    """Predictions, and the parameters that were chosen, by repeat and budget."""
    key = artefacts.key(["benchmark of heads", float(X.sum())])
    if not store.is_complete(key):
        for start, stop in store.missing_shards(key, len(X)):
            store.write_shard(key, start, X[start:stop])
        store.finish(key, len(X), {})
    test = np.arange(LABELLED, LABELLED + TESTED)
    tasks = {}
    for repeat in range(draws):
        for budget in BUDGETS:
            names = Trial("cifar", "squeezenet", "float32", head, str(budget), repeat, None, "cv", "", "")
            train = draw(y, budget, repeat)
            data = (key, train, y[train], train, test, y[test], test)
            tasks[names] = Task(names, *data, "classification", 10, repeat, {})
    work = [([tasks[trial] for trial in group], False) for group in groups(sorted(tasks, key=lambda t: -int(t.budget)))]
    predicted, chosen = {}, {}
    for outcomes in engines.run(evaluate, work, JOBS):
        for row, predictions in outcomes:
            assert predictions is not None, row["error"]
            predicted[row["repeat"], int(row["budget"])] = predictions.predicted
            chosen[row["repeat"], int(row["budget"])] = row["selected"]
    return predicted, chosen


def direct(head: str, chosen: dict[tuple[int, int], Chosen], X: np.ndarray, y: np.ndarray) -> dict[Any, np.ndarray]:
    """What the plain estimator predicts with the same parameters."""
    predicted = {}
    for (repeat, budget), params in chosen.items():
        train = draw(y, budget, repeat)
        estimator = make_head(parse(head).replace(**(params or {})), seed=repeat)
        predicted[repeat, budget] = estimator.fit(X[train], y[train]).predict(X[LABELLED:])
    return predicted


def loop_sweep(search: Any, X: np.ndarray, y: np.ndarray, draws: int) -> dict[tuple[int, int], np.ndarray]:
    """The same by scikit-learn alone."""

    def one(repeat: int, budget: int) -> tuple[tuple[int, int], np.ndarray]:
        warnings.simplefilter("ignore")
        train = draw(y, budget, repeat)
        return (repeat, budget), clone(search).fit(X[train], y[train]).predict(X[LABELLED:])

    todo = sorted(((repeat, budget) for repeat in range(draws) for budget in BUDGETS), key=lambda place: -place[1])
    return dict(joblib.Parallel(n_jobs=JOBS, max_nbytes=None)(joblib.delayed(one)(*place) for place in todo))


def searched(estimator: Any, grid: dict[str, Any], rms_of: str | None = "rows") -> Any:
    """The estimator behind the scaler that embedkit uses, in a grid search."""
    pipeline = make_pipeline(estimator) if rms_of is None else make_pipeline(ScalarScaler(rms_of), estimator)
    if not grid:
        return pipeline
    step = pipeline.steps[-1][0]
    folds = StratifiedKFold(5)
    return GridSearchCV(pipeline, {f"{step}__{name}": values for name, values in grid.items()}, cv=folds)


def loops(head: str) -> tuple[Any, Any]:
    """Plain and expert."""
    name = parse(head).name
    grid = {parameter: list(values) for parameter, values in HEADS[name].grid.items()}
    grid = {parameter: values for parameter, values in grid.items() if parameter not in dict(parse(head).params)}
    cosine = {"metric": "cosine"}
    boosted = {"max_depth": 2, "learning_rate": 0.1, "n_jobs": 1, "random_state": 0}
    own = _own(make_head(head), grid)
    decays = {"alpha": [0.001, 0.01, 0.1]}
    pairs = {
        "linear": (searched(MLPClassifier((), max_iter=200, random_state=0), decays, "features"), own),
        "mlp": (searched(MLPClassifier((256,), max_iter=200, random_state=0), decays, "features"), own),
        "svm": (searched(SVC(), grid), searched(SVC(cache_size=1000), grid)),
        "linear_svm": (searched(LinearSVC(), grid), searched(LinearSVC(dual=True, tol=1e-2, max_iter=10_000), grid)),
        "logistic": (
            searched(LogisticRegression(max_iter=2000), grid),
            make_pipeline(ScalarScaler("rows"), LogisticRegressionCV(Cs=grid.get("C"), cv=5, max_iter=2000)),
        ),
        "ridge": (
            searched(RidgeClassifier(), grid),
            make_pipeline(ScalarScaler("rows"), RidgeClassifierCV(alphas=grid.get("alpha"))),
        ),
        "lda": (searched(LinearDiscriminantAnalysis("lsqr", shrinkage="auto"), {}),) * 2,
        "centroid": (searched(NearestCentroid(), {}), own),
        "knn": (
            searched(KNeighborsClassifier(1, **cosine), _renamed(grid), None),
            searched(KNeighborsClassifier(1, algorithm="brute", **cosine), _renamed(grid), None),
        ),
        "forest": (searched(RandomForestClassifier(300, random_state=0), grid, None),) * 2,
        "xgboost": (
            searched(XGBClassifier(**boosted), _renamed(grid), None),
            searched(XGBClassifier(**boosted, max_bin=64, colsample_bytree=512**-0.5), _renamed(grid), None),
        ),
    }
    return pairs[name]


def _own(head: Any, grid: dict[str, Any]) -> Any:
    step = f"{head.steps[-1][0]}__" if hasattr(head, "steps") else ""
    return GridSearchCV(head, {f"{step}{name}": values for name, values in grid.items()})


def _renamed(grid: dict[str, Any]) -> dict[str, Any]:
    return {{"k": "n_neighbors", "trees": "n_estimators"}.get(name, name): values for name, values in grid.items()}


def main(draws: str = "5", heads: str = "") -> None:
    X, y, origin = embeddings()
    for _ in engines.warm_up(JOBS):
        _.result()
    joblib.Parallel(n_jobs=JOBS)(joblib.delayed(engines._load_libraries)() for _ in range(JOBS))
    kernel = os.environ.get("OPENBLAS_CORETYPE", "unset")
    print(f"{origin}; {draws} draws, budgets {BUDGETS}, {JOBS} processes; OPENBLAS_CORETYPE {kernel}")
    titles = ("embedkit s", "plain s", "expert s", "plain/ours", "expert/ours", "as direct fit")
    print(f"{'head':14}", *(f"{title:>13}" for title in titles), "  accuracy: ours, plain, expert")
    total, truth = np.zeros(3), y[LABELLED:]
    for head in split_list(heads) or DEFAULT_HEADS:
        started = time.perf_counter()
        ours, chosen = embedkit_sweep(head, X, y, int(draws))
        seconds, predicted = [time.perf_counter() - started], [ours]
        for search in loops(head):
            started = time.perf_counter()
            predicted.append(loop_sweep(search, X, y, int(draws)))
            seconds.append(time.perf_counter() - started)
        total += seconds
        fitted = direct(head, chosen, X, y)
        equal = 100 * np.mean([np.mean(ours[place] == fitted[place]) for place in ours])
        accuracy = [100 * np.mean([np.mean(p == truth) for p in way.values()]) for way in predicted]
        print(
            f"{head:14}",
            *(f"{s:13.1f}" for s in seconds),
            *(f"{s / seconds[0]:13.2f}" for s in seconds[1:]),
            f"{equal:12.2f}%",
            "  " + ", ".join(f"{a:.2f}" for a in accuracy),
            flush=True,
        )
    print(f"{'total':14}", *(f"{s:13.1f}" for s in total), *(f"{s / total[0]:13.2f}" for s in total[1:]))


if __name__ == "__main__":
    main(*sys.argv[1:])
