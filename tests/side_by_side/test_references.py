from __future__ import annotations

import json
import re
import shutil
import tomllib
from pathlib import Path

import pandas as pd
import pytest

from embedkit.errors import EmbedkitError
from embedkit.frames import load_results
from embedkit.results import load_runs
from embedkit.side_by_side import references
from embedkit.side_by_side.references import reference_folder, reference_named
from embedkit.spec import parse
from embedkit.study import read_study

SHIPPED = sorted(path for path in Path(__file__).parents[2].glob("results/reference/*") if path.is_dir())


@pytest.fixture
def shipped(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout that ships one reference, called photos."""
    monkeypatch.setattr(references, "__file__", str(tmp_path / "embedkit" / "side_by_side" / "references.py"))
    return Path(shutil.copytree(folder, tmp_path / "results" / "reference" / "photos"))


def test_the_reference_has_the_name_of_the_results(shipped: Path, folder: Path) -> None:
    assert reference_folder(folder) == shipped
    assert reference_folder(folder / "results.sqlite") == shipped


def test_an_installed_package_holds_its_references(shipped: Path, folder: Path, tmp_path: Path) -> None:
    installed = Path(shutil.copytree(shipped, tmp_path / "embedkit" / "reference" / "photos"))
    assert reference_folder(folder) == installed


def test_a_name_without_reference_is_told_with_those_there_are(shipped: Path, tmp_path: Path) -> None:
    (tmp_path / "holiday").mkdir()
    told = "no reference is called 'holiday', like these results (embedkit run --name names them); references: photos"
    with pytest.raises(EmbedkitError, match=re.escape(told)):
        reference_folder(tmp_path / "holiday")


def test_the_beginning_of_a_name_is_enough(shipped: Path) -> None:
    assert reference_named("photos") == reference_named("pho") == shipped


def test_a_beginning_of_several_names_is_told_with_them(shipped: Path) -> None:
    shutil.copytree(shipped, shipped.parent / "photos_more")
    assert reference_named("photos") == shipped
    with pytest.raises(EmbedkitError, match="'phot' may be photos or photos_more; write one of them"):
        reference_named("phot")
    with pytest.raises(EmbedkitError, match="no reference is called ''; references: photos, photos_more"):
        reference_named("")


@pytest.mark.parametrize("reference", SHIPPED, ids=lambda path: path.name)
def test_a_reference_is_the_whole_of_a_shipped_study(reference: Path) -> None:
    asked, rows = read_study(reference.name), load_results(reference)
    assert set(rows["status"]) <= {"ok", "not_applicable"}
    assert set(rows["dataset"]) == set(asked["datasets"])
    assert set(rows["head"]) == {str(parse(head)) for head in asked["heads"]}
    assert set(rows["budget"].astype(str)) == {str(budget) for budget in asked["budgets"]}
    assert {str(parse(backbone)) for backbone in asked["backbones"]} <= set(rows["backbone"])
    per_cell = rows.groupby(["dataset", "backbone", "head", "budget"], observed=True)["repeat"].nunique()
    assert per_cell.eq(asked["repeats"]).all()


@pytest.mark.parametrize("reference", SHIPPED, ids=lambda path: path.name)
def test_a_reference_can_be_read_without_embedkit(reference: Path) -> None:
    assert tomllib.loads((reference / "study.toml").read_text("utf-8")).items() <= read_study(reference.name).items()
    runs = json.loads((reference / "runs.json").read_text("utf-8"))
    assert runs == load_runs(reference)
    assert {"command", "versions", "processor", "cores", "thread_libraries", "study"} <= set(runs[0])
    rows, held = pd.read_csv(reference / "rows.csv.gz"), load_results(reference)
    finished = rows[rows["status"] == "ok"]
    assert finished["draw_sha256"].str.fullmatch("[0-9a-f]{64}").all()
    assert finished["test_sha256"].str.fullmatch("[0-9a-f]{64}").all()
    assert set(rows["run_id"]) <= {run["run_id"] for run in runs}
    assert rows["key"].tolist() == held["key"].tolist()
    assert rows["accuracy"].to_numpy() == pytest.approx(held["accuracy"].to_numpy(), nan_ok=True)
    assert (reference / "tables.md").read_text("utf-8").startswith("## ")


@pytest.mark.parametrize("reference", SHIPPED, ids=lambda path: path.name)
def test_a_reference_does_not_say_where_it_was_made(reference: Path) -> None:
    for run in load_runs(reference):
        assert run["command"].startswith("embedkit run ")
        assert "--out" not in run["command"]
        assert "out" not in run["study"]
