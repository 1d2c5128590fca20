from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pandas as pd

from embedkit.asv_results import asv_table
from embedkit.report.figures.history import history_frame, history_panel
from embedkit.report.history import history_charts, history_section, read_history
from embedkit.report.page import write_report
from embedkit.report.summary import summarise


def test_without_results_of_asv_beside_a_study_there_is_no_section(tmp_path: Path) -> None:
    (tmp_path / "asv").mkdir()  # a study of this name
    assert read_history(tmp_path / "study") is None
    assert history_section(None) == ""
    assert history_charts(None) == []


def test_a_chart_for_each_benchmark_with_its_unit(asv_results: Path) -> None:
    history = asv_table(asv_results)
    section = history_section(history)
    assert re.findall(r"<h4>(.*?)</h4><div class='chart' id='(.*?)'>", section) == [
        ("accuracy.Heads.track_error", "history-1"), ("speed.time_import", "history-2"),
    ]  # fmt: skip
    assert "What asv measured of 2 commits of embedkit itself, on here; lower is better." in section
    errors, seconds = history_charts(history)
    assert errors["template"]["encoding"]["y"]["title"] == "1 + error (lower is better)"
    assert seconds["rows"]["value"] == [0.5, 0.25]
    assert seconds["rows"]["date"] == [0, 86_400_000]


def test_lines_that_moved_most_are_told_apart(asv_results: Path) -> None:
    table = asv_table(asv_results).query("benchmark == 'accuracy.Heads.track_error'")
    many = pd.concat([table.assign(params=f"head={i}") for i in range(7)] + [table])
    frame = history_frame(many)
    assert len(frame) == len(many) - 8  # what failed is not drawn
    told = set(frame.loc[frame["shown"] != "others", "line"])
    assert len(told) == 6
    assert "head=0" in told
    assert "head=lda, budget=1" not in told
    assert history_panel(frame).to_dict()["encoding"]["color"]["scale"]["domain"][-1] == "others"


def test_machines_are_lines_of_their_own(asv_results: Path) -> None:
    table = asv_table(asv_results).query("benchmark == 'speed.time_import'")
    frame = history_frame(pd.concat([table, table.assign(machine="there", value=50.0)]))
    assert set(frame["line"]) == {"here", "there"}
    assert history_panel(frame).to_dict()["encoding"]["y"]["scale"]["type"] == "log"


def test_the_page_of_a_study_beside_it_shows_the_history(folder: Path, asv_results: Path) -> None:
    assert asv_results.parent == folder.parent
    page = write_report(folder, summarise(folder)).read_text("utf-8")
    assert page.index("id='history'") < page.index("id='settings'")
    found = re.search(r"id=\"data\">(.*?)</script>", page, re.DOTALL)
    assert found
    assert [chart["place"] for chart in json.loads(found[1])["history"]] == ["history-1", "history-2"]


def test_a_history_that_cannot_be_read_is_told_and_costs_no_page(folder: Path, asv_results: Path) -> None:
    shutil.rmtree(asv_results / "here")
    page = write_report(folder, summarise(folder)).read_text("utf-8")
    assert "it holds benchmarks, but none was run; tox -e bench runs them" in page
