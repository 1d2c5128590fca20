from __future__ import annotations

import dataclasses
import hashlib
import tracemalloc
import warnings
from typing import Any

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import Ridge

from embedkit import shared_rows
from embedkit.embeddings import store
from embedkit.heads import HEADS, make_head, names
from embedkit.measure import evaluate
from embedkit.results import Outcome
from embedkit.scores import CLASSIFICATION, REGRESSION, classification_scores, regression_scores
from embedkit.trials import Task, Trial

TRIAL = Trial(
    "digits", "resnet50", "float32", "ridge", "5", 2, None, "default", data_sha256="1" * 64, inputs_sha256="0" * 64
)
TRAIN, POOL, TEST, PROBE = np.arange(18), np.arange(18, 30), np.arange(30, 50), np.arange(50, 80)


def blobs(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """80 rows of three overlapping classes."""
    rng = np.random.default_rng(seed)
    y = np.arange(80) % 3
    centres = rng.normal(size=(3, 6))
    return (centres[y] + rng.normal(size=(80, 6))).astype(np.float32), y


def in_store(X: np.ndarray) -> str:
    key = hashlib.sha256(X.tobytes()).hexdigest()
    store.write_shard(key, 0, X)
    store.finish(key, len(X), {})
    return key


def a_task(X: np.ndarray, y: np.ndarray, head: str = "ridge", train: np.ndarray = TRAIN, **names: Any) -> Task:
    test = np.concatenate([TEST, PROBE])
    return Task(
        trial=dataclasses.replace(TRIAL, head=head, **names),
        embeddings=in_store(X),
        train=train,
        y_train=y[train],
        train_groups=train,
        test=test,
        y_test=y[test],
        test_groups=test,
        task="classification",
        n_classes=3,
        head_seed=7,
        known={"n_labeled": len(train), "experiment": "heads"},
        pool=np.union1d(train, POOL),
    )


def a_regression(X: np.ndarray, y: np.ndarray, head: str = "ridge", train: np.ndarray = TRAIN, **names: Any) -> Task:
    return dataclasses.replace(a_task(X, y.astype(np.float64), head, train, **names), task="regression")


def one(task: Task, timed: bool = False) -> Outcome:
    (outcome,) = evaluate([task], timed)
    return outcome


def on_probe(outcome: Outcome) -> list[bytes | None]:
    row, predictions = outcome
    assert row["status"] == "ok", row["error"]
    assert predictions is not None
    kept = (predictions.predicted, predictions.confidence, predictions.true_probability)
    return [None if values is None else values[len(TEST) :].tobytes() for values in kept]


def test_the_row_says_what_scikit_learn_says() -> None:
    X, y = blobs()
    row, predictions = one(a_task(X, y, "logistic"))
    fitted = make_head("logistic", 7).fit(X[TRAIN], y[TRAIN])
    test = np.concatenate([TEST, PROBE])
    expected = classification_scores(y[test], fitted.predict(X[test]), fitted.predict_proba(X[test]), 3)
    assert {name: row["scores"][name] for name in CLASSIFICATION} == pytest.approx(expected)
    assert row["scores"]["train_accuracy"] == fitted.score(X[TRAIN], y[TRAIN])
    assert predictions is not None
    assert predictions.predicted.tolist() == fitted.predict(X[test]).tolist()
    assert predictions.confidence == pytest.approx(fitted.predict_proba(X[test]).max(axis=1))
    assert predictions.true_probability == pytest.approx(fitted.predict_proba(X[test])[np.arange(50), y[test]])


def test_the_row_carries_identity_and_what_the_driver_knows() -> None:
    row, _ = one(a_task(*blobs()))
    expected = dataclasses.asdict(TRIAL) | {
        "key": TRIAL.key(),
        "status": "ok",
        "head_seed": 7,
        "n_labeled": 18,
        "experiment": "heads",
        "embedding_dim": 6,
        "embedding_bytes": 24,
        "warning": None,
    }
    assert {name: row[name] for name in expected} == expected


def test_a_codec_is_applied_and_its_bytes_are_counted() -> None:
    X, y = blobs()
    row, predictions = one(a_task(X, y, "logistic", codec="float16"))
    rounded = X.astype(np.float16).astype(np.float32)
    _, expected = one(a_task(rounded, y, "logistic"))
    assert row["embedding_bytes"] == 12
    assert predictions is not None
    assert expected is not None
    assert np.array_equal(predictions.confidence, expected.confidence)


@pytest.mark.parametrize("head", names("classification"))
def test_classes_that_the_draw_lacks_are_not_predicted_and_get_no_probability(head: str) -> None:
    X, y = blobs()
    row, predictions = one(a_task(X, y, head, train=TRAIN[y[TRAIN] != 1]))
    assert predictions is not None, row["error"]
    assert set(predictions.predicted) == {0, 2}
    if predictions.true_probability is None:
        return
    of_lacking = predictions.true_probability[y[np.concatenate([TEST, PROBE])] == 1]
    assert of_lacking.tolist() == [0.0] * len(of_lacking)


def test_costs_are_recorded_only_when_timed() -> None:
    X, y = blobs()
    timed, untimed = (one(a_task(X, y), timed)[0] for timed in (True, False))
    assert timed["timing"] == "exclusive"
    assert timed["fit_s"] > 0
    assert timed["predict_s"] > 0
    assert [untimed.get(name) for name in ("timing", "fit_s", "predict_s")] == [None, None, None]
    assert timed["scores"] == untimed["scores"]


def test_a_head_that_raises_is_a_failed_row_and_the_other_trials_go_on() -> None:
    X, y = blobs()
    tasks = [
        a_task(X, y, "linear", budget="1"),
        a_task(X, np.where(np.arange(80) < 18, 0, y), "linear", budget="2"),
        a_task(X, y, "linear", budget="5"),
    ]
    outcomes = evaluate(tasks, timed=False)
    assert [row["status"] for row, _ in outcomes] == ["ok", "failed", "ok"]
    assert outcomes[1][0]["error"] == "ValueError: FullyConnectedClassifier needs at least 2 classes; y holds one class"
    assert [predictions is None for _, predictions in outcomes] == [False, True, False]


def test_training_that_diverges_is_a_failed_row_with_the_remedy() -> None:
    row, _ = one(a_task(*blobs(), "mlp(learning_rate=1e30)"))
    assert row["status"] == "failed"
    assert row["error"].startswith("TrainingDiverged: the loss became nan at step ")
    assert row["error"].endswith(" of 150; lower the learning rate")


def test_what_cannot_apply_is_a_row_with_the_reason() -> None:
    X, y = blobs()
    row, predictions = one(a_task(X * 1e6, y, codec="float16"))
    assert row["status"] == "not_applicable"
    assert row["error"].startswith("float16 holds numbers up to 65504; the embedding reaches ")
    assert predictions is None


class Warner(DummyClassifier):
    def fit(self, X: np.ndarray, y: np.ndarray) -> Warner:
        for text in ("second\nmore of it", "first", "first", ""):
            warnings.warn(text, stacklevel=1)
        return super().fit(X, y)


def test_warnings_of_a_head_are_kept_in_its_row(monkeypatch: pytest.MonkeyPatch) -> None:
    head = dataclasses.replace(HEADS["centroid"], build=lambda seed, task: Warner())
    monkeypatch.setitem(HEADS, "warning", head)
    row, _ = one(a_task(*blobs(), "warning"))
    assert row["status"] == "ok"
    assert row["warning"] == "first; second"


@pytest.mark.parametrize("head", ["forest", "logistic", "lda"])
def test_many_classes_with_a_label_each_are_no_reason_for_a_warning(head: str) -> None:
    X, _ = blobs()
    task = dataclasses.replace(a_task(X, np.arange(80), head, train=np.arange(30)), n_classes=80)
    row, _ = one(task)
    assert (row["status"], row["warning"]) == ("ok", None)


@pytest.mark.parametrize("selection", ["default", "cv"])
@pytest.mark.parametrize("head", names("classification"))
def test_test_rows_test_labels_and_pool_labels_change_no_fitted_head_by_a_bit(head: str, selection: str) -> None:
    X, y = blobs()
    rng = np.random.default_rng(1)
    X_noise, y_noise = X.copy(), y.copy()
    X_noise[TEST] = 100 * rng.normal(size=X[TEST].shape)
    y_noise[TEST], y_noise[POOL] = rng.integers(0, 3, len(TEST)), rng.integers(0, 3, len(POOL))
    clean, noisy = a_task(X, y, head, selection=selection), a_task(X_noise, y_noise, head, selection=selection)
    outcomes = one(clean), one(noisy)
    assert on_probe(outcomes[0]) == on_probe(outcomes[1])
    assert outcomes[0][0]["cv_score"] == outcomes[1][0]["cv_score"]


@pytest.mark.parametrize("head", names("classification"))
def test_training_rows_do_change_the_fitted_head(head: str) -> None:
    X, y = blobs()
    X_noise = X.copy()
    X_noise[TRAIN] = np.random.default_rng(1).normal(size=X[TRAIN].shape)
    assert on_probe(one(a_task(X, y, head))) != on_probe(one(a_task(X_noise, y, head)))


USE_THE_POOL = [name for name, head in HEADS.items() if head.pool]


@pytest.mark.parametrize("timed", [False, True])
@pytest.mark.parametrize("head", [*USE_THE_POOL, "ridge", "best(heads=[label_spreading])"])
def test_rows_of_the_pool_change_the_heads_that_use_it_and_no_others(head: str, timed: bool) -> None:
    X, y = blobs()
    X_noise = X.copy()
    X_noise[POOL] = np.random.default_rng(1).normal(size=X[POOL].shape)
    clean, noisy = (one(a_task(rows, y, head), timed) for rows in (X, X_noise))
    assert (on_probe(clean) == on_probe(noisy)) == (head == "ridge")


@pytest.mark.parametrize("head", [*USE_THE_POOL, "best(heads=[label_spreading])"])
def test_alone_a_head_that_uses_the_pool_predicts_as_among_others(head: str) -> None:
    X, y = blobs()
    (timed_row, alone), (row, among) = (one(a_task(X, y, head), timed) for timed in (True, False))
    assert alone is not None, timed_row["error"]
    assert among is not None, row["error"]
    np.testing.assert_array_equal(alone.predicted, among.predicted)
    np.testing.assert_allclose(alone.confidence, among.confidence, atol=1e-5)
    assert timed_row["timing"] == "exclusive"


@pytest.mark.parametrize("selection", ["cv", "oracle"])
def test_a_champion_may_use_the_pool(selection: Any) -> None:
    X, y = blobs()
    row, _ = one(a_task(X, y, "best(heads=[label_spreading, svm])", selection=selection))
    assert row["status"] == "ok", row["error"]
    assert row["selected"]


@pytest.mark.parametrize("codec", ["pca(dim=3)", "whiten(dim=3) | float16"])
def test_test_rows_do_not_change_a_codec_and_rows_of_the_pool_do(codec: str) -> None:
    X, y = blobs()
    rng = np.random.default_rng(1)
    test_noise, pool_noise = X.copy(), X.copy()
    test_noise[TEST] = 100 * rng.normal(size=X[TEST].shape)
    pool_noise[POOL] = rng.normal(size=X[POOL].shape)
    clean, same, other = (one(a_task(rows, y, "lda", codec=codec)) for rows in (X, test_noise, pool_noise))
    assert on_probe(clean) == on_probe(same)
    assert on_probe(clean) != on_probe(other)
    assert (clean[0]["embedding_dim"], clean[0]["embedding_bytes"]) == (3, 6 if "float16" in codec else 12)


def test_a_codec_that_is_too_wide_is_a_row_with_the_remedy() -> None:
    row, _ = one(a_task(*blobs(), codec="pca(dim=7)"))
    assert row["status"] == "not_applicable"
    assert row["error"] == "pca(dim=7): an embedding has 6 numbers; write dim=6 or less"


@pytest.mark.parametrize("timed", [False, True])
def test_numeric_targets_are_predicted_as_scikit_learn_does(timed: bool) -> None:
    X, _ = blobs()
    y = X @ np.arange(6) + 20
    row, predictions = one(a_regression(X, y, "ridge(alpha=0.5)"), timed)
    test = np.concatenate([TEST, PROBE])
    centred = X[TRAIN] - X[TRAIN].mean(axis=0)
    scale = np.sqrt((centred**2).sum(axis=1).mean())
    reference = Ridge(alpha=0.5).fit(centred / scale, y[TRAIN])
    expected = reference.predict((X[test] - X[TRAIN].mean(axis=0)) / scale)
    assert predictions is not None
    assert predictions.predicted == pytest.approx(expected, abs=1e-4)
    assert (predictions.confidence, predictions.true_probability) == (None, None)
    scores = regression_scores(y[test], expected)
    assert {name: row["scores"][name] for name in REGRESSION} == pytest.approx(scores, rel=1e-4)
    on_train = np.abs(reference.predict(centred / scale) - y[TRAIN]).mean()
    assert row["scores"]["train_mae"] == pytest.approx(on_train, rel=1e-3)
    assert row.get("timing") == ("exclusive" if timed else None)


def test_predictions_that_are_not_finite_are_a_failed_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Ridge, "predict", lambda self, X: np.full(len(X), np.inf))
    row, predictions = one(a_regression(*blobs(), "ridge"))
    assert (row["status"], predictions) == ("failed", None)
    assert row["error"] == "ValueError: the head predicts numbers that are not finite"


@pytest.mark.parametrize("selection", ["default", "cv"])
@pytest.mark.parametrize("head", names("regression"))
def test_test_rows_test_targets_and_pool_targets_change_no_fitted_regressor_by_a_bit(head: str, selection: str) -> None:
    X, _ = blobs()
    y = X.sum(axis=1).astype(np.float64)
    rng = np.random.default_rng(1)
    train, pool = np.arange(25), np.arange(25, 30)  # as many as folds need
    X_noise, y_noise = X.copy(), y.copy()
    X_noise[TEST] = 100 * rng.normal(size=X[TEST].shape)
    y_noise[TEST], y_noise[pool] = rng.normal(size=len(TEST)), 1e6
    clean = one(a_regression(X, y, head, train, selection=selection))
    noisy = one(a_regression(X_noise, y_noise, head, train, selection=selection))
    assert on_probe(clean) == on_probe(noisy)
    assert clean[0]["cv_score"] == noisy[0]["cv_score"]
    chooses = head == "best" or (selection == "cv" and HEADS[head].grid)
    assert (clean[0]["cv_score"] is not None) == bool(chooses)


@pytest.mark.slow
@pytest.mark.parametrize("head", ["svm", "ridge", "mlp"])
def test_memory_is_bounded_at_50000_test_rows_of_2048_numbers(head: str, monkeypatch: pytest.MonkeyPatch) -> None:
    X = np.random.default_rng(0).normal(size=(100, 2048)).astype(np.float32)
    index = np.arange(100)
    task = dataclasses.replace(
        a_task(X, index % 3, train=index, head=head),
        test=np.zeros(50_000, dtype=np.int64),
        y_test=np.zeros(50_000, dtype=np.int64),
        test_groups=np.arange(50_000),
    )
    monkeypatch.setattr(shared_rows, "_test_rows", lambda *_: np.broadcast_to(X[0], (50_000, 2048)))
    evaluate([task], timed=False)  # imports
    tracemalloc.start()
    (row, _), peak = evaluate([task], timed=False)[0], tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert row["status"] == "ok"
    assert peak < 256 * 2**20


@pytest.mark.parametrize("head", ["linear", "logistic", "svm", "ridge", "knn(k=2)", 'knn(metric="manhattan")'])
@pytest.mark.parametrize("selection", ["cv", "oracle"])
@pytest.mark.parametrize("device", ["cpu:0", pytest.param("cuda", marks=pytest.mark.gpu)])
def test_on_a_gpu_all_draws_at_once_are_scored_as_each_on_the_cpu(head: str, selection: Any, device: str) -> None:
    X, y = blobs()
    draws = [a_task(X, y, head, np.arange(first, first + 18), repeat=first, selection=selection) for first in range(3)]
    on_gpu = evaluate([dataclasses.replace(task, device=device) for task in draws], timed=False)
    for task, (row, predictions) in zip(draws, on_gpu, strict=True):
        expected_row, expected = one(task)
        assert row["status"] == "ok", row["error"]
        assert row["selected"] == expected_row["selected"]
        assert row["scores"]["accuracy"] == pytest.approx(expected_row["scores"]["accuracy"])
        np.testing.assert_array_equal(predictions.predicted, expected.predicted)  # type: ignore[union-attr]


def test_on_a_gpu_a_draw_that_fails_leaves_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    X, y = blobs()
    draws = [a_task(X, y, "logistic", np.arange(9)), a_task(X, y, "logistic", np.arange(0, 30, 3))]
    rows = [row for row, _ in evaluate([dataclasses.replace(task, device="cpu:0") for task in draws], timed=False)]
    assert [row["status"] for row in rows] == ["ok", "failed"]
    assert rows[1]["error"] == "ValueError: logistic needs labels of at least 2 classes; the draw holds one class"


def test_timed_trials_use_the_gpu_too() -> None:
    X, y = blobs()
    row, _ = one(dataclasses.replace(a_task(X, y, "linear", repeat=0), device="cpu:0"), timed=True)
    assert row["status"] == "ok", row["error"]
    assert row["fit_s"] > 0
