"""The README's own code runs as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from embedkit import heads
from embedkit.errors import EmbedkitError
from embedkit.study import make_study, read_study

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_python_code_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (code,) = re.findall(r"```python\n(import embedkit as ek\n.*?)```", README, re.DOTALL)
    found: dict[str, object] = {}
    exec(code, found)
    assert len(found["rows"]) == 3 * 2 * 2 * 3  # type: ignore[arg-type]
    assert found["X"].shape == (1437, 64)  # type: ignore[attr-defined]
    assert found["accuracy"] > 0.9  # type: ignore[operator]


def test_the_head_that_is_added_works(monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = re.findall(r"```python\n(def bagging.*?)```", README, re.DOTALL)
    monkeypatch.setitem(heads.HEADS, "bagging", None)  # so that it is taken out again
    exec(code, {**vars(heads.head), "HEADS": heads.HEADS})
    X, y = np.arange(20.0)[:, None], np.repeat(["a", "b"], 10)
    assert list(heads.make_head("bagging(members=30)").fit(X, y).predict([[2.0], [17.0]])) == ["a", "b"]
    assert heads.make_head("bagging", task="regression").fit(X, X[:, 0]).predict([[5.0]]) == pytest.approx(5, abs=1)
    with pytest.raises(EmbedkitError, match="members=0: input should be greater than or equal to 1"):
        heads.make_head("bagging(members=0)")


def test_the_study_file_is_valid(tmp_path: Path, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(photos.parent)
    (text,) = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)
    Path("study.toml").write_text(text)
    study = make_study("study.toml", **read_study("study.toml"))
    assert study.results_name == "study"
    assert [str(budget) for budget in study.parsed_budgets()] == ["1", "5", "25", "all"]


def test_every_path_that_the_readme_names_is_there() -> None:
    linked = re.findall(r"\]\((?!https?:)([^)#]+)", README)
    linked += re.findall(r"`((?:embedkit|datasets|benchmarks)/[\w/.]+)`", README)
    assert len(linked) > 8
    assert [path for path in linked if not (ROOT / path).exists()] == []
