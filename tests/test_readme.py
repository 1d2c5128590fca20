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
    (code,) = re.findall(r"```python\n(def gaussian_nb.*?)```", README, re.DOTALL)
    monkeypatch.setitem(heads.HEADS, "gaussian_nb", None)  # so that it is taken out again
    exec(code, dict(vars(heads)))
    X, y = np.array([[0.0], [1.0], [10.0], [11.0]]), np.array(["a", "a", "b", "b"])
    assert list(heads.make_head("gaussian_nb(var_smoothing=0.1)").fit(X, y).predict([[2.0], [9.0]])) == ["a", "b"]
    with pytest.raises(EmbedkitError, match="var_smoothing=0: input should be greater than 0"):
        heads.make_head("gaussian_nb(var_smoothing=0)")


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
