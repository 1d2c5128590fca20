"""What a user types and reads: texts, exit statuses, files."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import embedkit
from embedkit.distance.request import DistanceRequest
from embedkit.heads import HEADS, Head
from embedkit.study import Study

SMALL = ["--backbones", "pixels", "--heads", "ridge, knn(k=1)", "--budgets", "1,5", "--repeats", "2", "--jobs", "1"]

Embedkit = Callable[..., tuple[int, str, str]]


def test_run_tells_what_it_found_then_tables_and_paths(run: Embedkit, tmp_path: Path) -> None:
    status, out, err = run("run", "digits", *SMALL)
    assert (status, err) == (0, "")
    assert "digits: 1797 images of 8x8, 0 unlabelled, 10 classes, 0 unreadable" in out
    assert "zero 178, one 182" in out
    assert "protocol: 360 test images, 1437 labelled training images" in out
    assert "8 trials: 1 backbone x 1 codec x 2 heads x budgets 1, 5 x 2 repeats" in out
    assert "digits, pixels: accuracy in %, by labels per class" in out
    assert "what heads cost at 5 labels per class" in out
    assert f"report: {Path('results', 'digits', 'report.html')}" in out
    assert (tmp_path / "results" / "digits" / "results.sqlite").exists()


def test_plain_output_has_no_control_characters(run: Embedkit) -> None:
    assert "\x1b" not in run("run", "digits", *SMALL)[1]


def test_the_same_command_again_has_nothing_to_do(run: Embedkit) -> None:
    run("run", "digits", *SMALL)
    status, out, _ = run("run", "digits", *SMALL)
    assert status == 0
    assert "all done" in out
    assert "digits, pixels: accuracy" in out


def test_a_study_that_grows_computes_only_what_is_new(run: Embedkit) -> None:
    run("run", "digits", *SMALL)
    _, out, _ = run("run", "digits", *SMALL, "--heads", "centroid")
    assert "8 done, 4 to do" in out


def test_dry_run_counts_and_writes_nothing(run: Embedkit, tmp_path: Path) -> None:
    status, out, _ = run("run", "digits", *SMALL, "--dry-run")
    assert status == 0
    assert "0 done, 8 to do; about" in out
    assert list(tmp_path.iterdir()) == []


def test_a_study_file_and_flags_that_win_over_it(run: Embedkit, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(
        'datasets = ["digits"]\nbackbones = ["pixels"]\nheads = ["ridge"]\nbudgets = [1]\nrepeats = 7\n'
    )
    status, out, _ = run("run", "mine.toml", "--repeats", "3", "--dry-run")
    assert status == 0
    assert "study 'mine'" in out
    assert "3 trials: 1 backbone x 1 codec x 1 head x budgets 1 x 3 repeats" in out


def test_every_key_of_a_study_is_a_flag(run: Embedkit) -> None:
    text = run("run", "--help")[1]
    assert [f"--{name.replace('_', '-')}" in text for name in Study.model_fields if name != "datasets"] == [True] * 18


def test_problems_are_told_all_at_once_each_with_its_key(run: Embedkit) -> None:
    status, out, err = run("run", "digits", "--heads", "smv, knn(k=0)", "--repeats", "0", "--budgets", "x")
    assert (status, out) == (2, "")
    assert "embedkit run has 4 problems" in err
    assert "heads: unknown head 'smv'; did you mean 'svm'? Heads: best, centroid, cluster_then_label," in err
    assert "heads: knn(k=0): k=0: input should be greater than or equal to 1" in err
    assert "repeats: input should be greater than or equal to 1; it is '0'" in err
    assert "budgets: budget 'x' cannot be read" in err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["run", "digist"], "no folder or data set 'digist'; did you mean 'digits'?"),
        (["run", "no/such/folder"], "no folder or file 'no/such/folder'"),
        (["run", "digits", "--backbones", "resnet51"], "unknown backbone 'resnet51'; did you mean 'resnet"),
        (["run", "digits", "--heads", "svm(c=1)"], "svm(c=1): unknown parameter 'c'; did you mean 'C'?"),
        (["run", "digits", "--heads", "svm(C=__import__('os'))"], "write parameters by name: __import__(param=value"),
        (["run", "digits", *SMALL, "--budgets", "500"], "budget 500: class 'eight' of digits has 139 training images"),
        (["run", "digits", "--device", "tpu"], "device: string should match pattern"),
        (["run", "no.toml"], "cannot read the study file 'no.toml': No such file"),
        (["run", "a.toml", "digits"], "give one study, or data sets, not both"),
        (["list", "haeds"], "there are no 'haeds' to list; did you mean 'heads'?"),
        (["list", "layers"], "layers are those of one backbone: embedkit list layers resnet18"),
        (["list", "heads", "resnet18"], "layers are those of one backbone: embedkit list layers resnet18"),
        (["list", "layers", "pixels"], "pixels has no layers to choose from; networks have, such as resnet18"),
        (["list", "layers", "resnet81"], "unknown backbone 'resnet81'; did you mean 'resnet18'?"),
        (["export", "nowhere"], "nowhere"),
    ],
)
def test_mistakes_are_told_without_a_traceback(run: Embedkit, arguments: list[str], told: str) -> None:
    status, _, err = run(*arguments)
    assert status == 2
    assert told in err
    assert "Traceback" not in err


def test_debug_shows_the_traceback(run: Embedkit) -> None:
    with pytest.raises(embedkit.EmbedkitError, match="no folder or data set 'digist'"):
        run("run", "digist", "--debug")


def test_a_head_that_fails_is_counted_and_the_others_go_on(run: Embedkit, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(seed: int, task: str) -> None:
        raise ValueError("no such luck")

    monkeypatch.setitem(HEADS, "broken", Head(broken, "none", 1, (1, 1)))
    status, out, _ = run("run", "digits", *SMALL, "--heads", "broken")
    assert status == 1
    assert "failed: 4 trials (broken): ValueError: no such luck" in out
    assert "4 trials failed; the same command tries them again" in out
    assert "knn(k=1)" in out
    monkeypatch.setitem(HEADS, "broken", HEADS["ridge"])
    assert "8 done, 4 to do" in run("run", "digits", *SMALL, "--heads", "broken")[1]


def test_what_is_merely_not_applicable_leaves_status_0(run: Embedkit, photos: Path) -> None:
    small = ["--heads", "ridge", "--budgets", "2", "--repeats", "2", "--jobs", "1"]
    status, out, _ = run("run", str(photos), *small, "--backbones", "autoencoder")
    assert status == 0
    assert "not applicable: 10 trials (ridge)" in out
    assert "an autoencoder needs at least 100 images that are never tested on; photos has 0" in out


def test_export_writes_rows_tables_and_predictions(run: Embedkit, tmp_path: Path) -> None:
    run("run", "digits", *SMALL)
    status, out, _ = run("export", "results/digits", "--out", "files", "--predictions")
    assert status == 0
    assert out.split() == [str(Path("files", name)) for name in ("rows.csv", "tables.md", "predictions.csv")]
    assert len((tmp_path / "files" / "rows.csv").read_text().splitlines()) == 1 + 8
    assert "| ridge |" in (tmp_path / "files" / "tables.md").read_text()
    assert len((tmp_path / "files" / "predictions.csv").read_text().splitlines()) == 1 + 8 * 360


def test_list_layers_names_what_a_network_gives(run: Embedkit) -> None:
    status, out, _ = run("list", "layers", "resnet18(image_size=64)")
    assert status == 0
    assert "\n  layer3: 256 x 4 x 4\n" in out
    assert "  and nodes: x, layer1.0.add, layer1.0.relu_1," in out


def test_own_code_runs_only_where_it_is_trusted(run: Embedkit, tmp_path: Path) -> None:
    code = (
        "from pathlib import Path\nfrom torch.nn import Conv2d\nPath('sprung').touch()\nbuild = lambda: Conv2d(3, 8, 9)"
    )
    (tmp_path / "nets.py").write_text(code)
    own = 'module(path="nets.py:build", image_size=32)'
    study = ["run", "digits", "--backbones", own, "--heads", "lda", "--budgets", "5", "--repeats", "1", "--no-controls"]
    status, _, err = run(*study)
    assert status == 2
    assert "embedkit run: backbones: module(path='nets.py:build') runs code: " in err
    assert not (tmp_path / "sprung").exists()
    status, out, _ = run(*study, "--trust-code")
    assert status == 0
    assert 'module(image_size=32, path="nets.py:build")' in out
    assert run("list", "layers", own)[0] == 2
    assert "layers of module(" in run("list", "layers", own, "--trust-code")[1]


def test_workers_start_early_only_where_no_results_are_yet(run: Embedkit, monkeypatch: pytest.MonkeyPatch) -> None:
    warmed: list[int] = []
    monkeypatch.setattr("embedkit.engines.warm_up", lambda jobs: warmed.append(jobs) or [])
    run("run", "digits", *SMALL)
    assert len(warmed) == 2  # at the start, and to be waited for
    warmed.clear()
    assert "all done" in run("run", "digits", *SMALL)[1]
    assert warmed == []


def test_list_names_every_head_with_its_parameters(run: Embedkit) -> None:
    out = run("list", "heads")[1]
    assert all(f"  {name}" in out for name in HEADS)
    assert 'svm(C=10.0, kernel="rbf", gamma=0.5, degree=3): support vector machine' in out


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="sends a signal to a process group")
@pytest.mark.parametrize(("jobs", "sent"), [("1", signal.SIGTERM), ("2", signal.SIGINT)])
def test_ctrl_c_says_what_is_kept_and_how_to_go_on(tmp_path: Path, jobs: str, sent: signal.Signals) -> None:
    arguments = ["run", "digits", "--backbones", "pixels", "--heads", "mlp", "--budgets", "50", "--repeats", "500"]
    process = subprocess.Popen(
        [sys.executable, "-m", "embedkit", *arguments, "--selection", "default", "--jobs", jobs],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # background jobs of a shell ignore it
    )
    file = tmp_path / "results" / "digits" / "results.sqlite"
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline and not (file.exists() and len(_ok_rows(file)) > 3):
        time.sleep(0.2)
    os.killpg(process.pid, sent)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert err.strip() == f"stopped; finished trials are kept in {file.parent.relative_to(tmp_path)}: " + (
        "the same command goes on from there"
    )
    assert len(_ok_rows(file)) > 3


def _ok_rows(file: Path) -> list[str]:
    try:
        rows = embedkit.load_results(file)
    except embedkit.EmbedkitError:
        return []
    return list(rows.loc[rows["status"] == "ok", "key"])


COMPARED = ["--backbones", "pixels", "--metrics", "euclidean, cosine", "--episodes", "20", "--jobs", "1"]


def test_distances_prints_a_table_and_where_the_rows_are(run: Embedkit) -> None:
    status, out, err = run("distances", "digits", *COMPARED)
    assert (status, err) == (0, "")
    assert "compared: 360 test images of 10 classes; 1437 others are the pool (labels unseen)" in out
    assert "0 comparisons done, 6 to do" in out
    lines = out.splitlines()
    at = lines.index("digits: distances between 360 test images of 10 classes, in %")
    assert lines[at + 1].split("  ")[-2:] == ["5-way 1-shot", "5-way 5-shot"]
    assert lines[at + 2] == "  pixels"
    assert [line.split()[0] for line in lines[at + 3 : at + 5]] == ["euclidean", "cosine"]
    assert all(line.count("±") == 8 for line in lines[at + 3 : at + 5])
    assert f"rows: {Path('results', 'digits', 'results.sqlite')}  (embedkit export" in out
    assert "all done" in run("distances", "digits", *COMPARED)[1]


def test_distances_may_be_asked_what_they_would_do(run: Embedkit, tmp_path: Path) -> None:
    status, out, _ = run("distances", "digits", *COMPARED, "--shots", "1", "--dry-run")
    assert status == 0
    assert "0 comparisons done, 4 to do" in out
    assert list(tmp_path.iterdir()) == []


def test_every_key_of_distances_is_a_flag(run: Embedkit) -> None:
    text = run("distances", "--help")[1]
    keys = [name for name in DistanceRequest.model_fields if name != "datasets"]
    assert [f"--{name.replace('_', '-')}" in text for name in keys] == [True] * 14


def test_mistakes_in_distances_are_told_all_at_once(run: Embedkit) -> None:
    arguments = ["--metrics", "cosin", "--ways", "1", "--shots", "0", "--backbones", "resnet51", "--episodes", "x"]
    status, out, err = run("distances", "digits", *arguments)
    assert (status, out) == (2, "")
    assert "embedkit distances has 5 problems" in err
    assert "metrics: unknown metric 'cosin'; did you mean 'cosine'? Metrics: cosine, euclidean, manhattan" in err
    assert "ways: input should be greater than or equal to 2; it is '1'" in err
    assert "shots: input should be greater than or equal to 1; it is '0'" in err
    assert "backbones: unknown backbone 'resnet51'; did you mean 'resnet" in err
    assert "episodes: input should be a valid integer" in err


def test_distances_need_a_data_set(run: Embedkit) -> None:
    status, _, err = run("distances")
    assert status == 2
    assert "Missing argument 'datasets'" in err


def test_more_ways_than_classes_are_told_beside_the_other_scores(run: Embedkit) -> None:
    status, out, _ = run("distances", "digits", *COMPARED, "--ways", "11", "--shots", "1")
    assert status == 0
    assert (
        "not applicable: 2 comparisons (cosine, euclidean): 11-way 1-shot episodes need 11 classes with at least 2 "
        "tested images, duplicates and groups counted once; there are 10"
    ) in out
    assert "recall at 1" in out


def test_stopped_distances_say_what_is_kept(run: Embedkit, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("embedkit.distance.experiment.evaluate", stop)
    status, _, err = run("distances", "digits", *COMPARED)
    assert status == 130
    assert err.strip() == f"stopped; finished trials are kept in {Path('results', 'digits')}: " + (
        "the same command goes on from there"
    )


def test_every_figure_can_be_written(run: Embedkit, folder: Path, tmp_path: Path) -> None:
    status, out, _ = run("plot", str(folder), "--out", str(tmp_path / "figures"))
    assert status == 0
    assert str(tmp_path / "figures" / "photos_curves.svg") in out.splitlines()
