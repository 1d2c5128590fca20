from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import vl_convert

from embedkit.errors import EmbedkitError
from embedkit.report.figures import curve_frame, figure
from embedkit.report.page import write_report
from embedkit.report.summary import Cell, summarise
from embedkit.statistics import Interval


@pytest.fixture
def page(folder: Path) -> str:
    return write_report(folder, summarise(folder)).read_text(encoding="utf-8")


@pytest.fixture(autouse=True, scope="module")
def one_bundle() -> Iterator[None]:
    """The scripts of the charts, bundled once for all tests."""
    scripts = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vl_convert, "javascript_bundle", lambda snippet: scripts)
        yield


def test_the_page_needs_no_network(page: str) -> None:
    assert re.findall(r"""(?:src|href)\s*=\s*["']?https?:""", page.split("<script>")[0]) == []
    assert "window.vegaEmbed" in page


def test_the_page_shows_tables_costs_failures_settings_and_machine(page: str) -> None:
    for text in (
        "<h2>photos, pixels: accuracy in %, by labels per class</h2>",
        "<td class='best'>50.0 ±32.7*</td>",
        "<td>12.5 ms</td>",
        "ValueError: &lt;no&gt; luck",
        "<td>embedkit run &lt;photos&gt; --heads svm</td>",
        "a processor, 2 cores, 8.0 GiB, Linux",
        "<tr><td>repeats</td><td>3</td></tr>",
    ):
        assert text in page


def test_a_chart_for_each_family_holds_its_curves_and_the_fully_connected_ones(page: str) -> None:
    charts = json.loads(re.search(r"const charts = (.*);\n", page)[1])  # type: ignore[index]
    heads = [{row["head"] for data in chart["datasets"].values() for row in data} for chart in charts]
    assert heads == [{"mlp", "svm"}, {"mlp", "forest"}]
    assert len(re.findall(r"id='chart\d'", page)) == 2


def test_curves_end_at_100_percent(folder: Path) -> None:
    curves = curve_frame(summarise(folder).tables[0])
    assert curves["high"].max() == 100
    assert curves.query("head == 'svm' and budget == '1'")["score"].item() == pytest.approx(50)


def test_the_figure_of_a_table_can_be_drawn(folder: Path, tmp_path: Path) -> None:
    figure(summarise(folder).tables[0]).save(tmp_path / "figure.svg")
    assert (tmp_path / "figure.svg").read_text().startswith("<svg")


def test_a_page_that_cannot_be_written_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(EmbedkitError, match=r"cannot write .*report.html: No space left on device; free some space"):
        write_report(folder, summarise(folder))


def test_the_page_shows_errors_of_numeric_targets(ages: Path) -> None:
    page = write_report(ages, summarise(ages)).read_text(encoding="utf-8")
    assert "<h2>ages, pixels: mean absolute error (lower is better), by labels</h2>" in page
    assert "<td class='best'>0.500 ±0.327*</td>" in page
    charts = json.loads(re.search(r"const charts = (.*);\n", page)[1])  # type: ignore[index]
    assert {layer["encoding"]["y"]["title"] for chart in charts for layer in chart["layer"]} == {"mean absolute error"}


def test_bands_of_errors_end_at_zero_and_nowhere_above(ages: Path) -> None:
    (table,) = summarise(ages).tables
    wide = Cell(Interval(200.0, 300.0), False)
    curves = curve_frame(dataclasses.replace(table, cells={("mlp", "10"): wide}))
    assert curves[["low", "high"]].to_numpy().tolist() == [[0, 500]]
