from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import vl_convert

from embedkit import results
from embedkit.datasets.dataset import Dataset
from embedkit.errors import EmbedkitError
from embedkit.report.materials import Materials
from embedkit.report.page import write_report
from embedkit.report.summary import summarise


def written(folder: Path, materials: Materials | None = None) -> str:
    return write_report(folder, summarise(folder), materials).read_text(encoding="utf-8")


def data_of(page: str) -> dict[str, Any]:
    found = re.search(r"<script type=\"application/json\" id=\"data\">(.*?)</script>", page, re.DOTALL)
    assert found
    return dict(json.loads(found[1]))


@pytest.fixture
def page(folder: Path) -> str:
    return written(folder)


@pytest.fixture(autouse=True, scope="module")
def one_bundle() -> Iterator[None]:
    """The scripts of the charts, bundled once for all tests."""
    scripts = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vl_convert, "javascript_bundle", lambda snippet: scripts)
        yield


def test_the_page_needs_no_network_and_the_browser_holds_it_to_that(page: str) -> None:
    assert re.findall(r"""(?:src|href)\s*=\s*["']?https?:""", page.split("<script>")[0]) == []
    assert "content=\"default-src 'none';" in page
    assert "window.vegaEmbed" in page


def test_the_page_shows_tables_costs_failures_settings_and_machine(page: str) -> None:
    for text in (
        "<h3>photos, pixels: accuracy in %, by labels per class</h3>",
        "<td class='best'>50.0 ±32.7*</td>",
        "<td>12.5 ms</td>",
        "ValueError: &lt;no&gt; luck",
        "<td>embedkit run &lt;photos&gt; --heads svm</td>",
        "a processor, 2 cores, 8.0 GiB, Linux",
        "<tr><td>repeats</td><td>3</td></tr>",
        "<td>sha256 of photos</td><td>data and protocol d, test images tttt",
    ):
        assert text in page


def test_the_parts_of_the_page_stand_in_order_of_what_is_asked_first(page: str) -> None:
    parts = re.findall(r"(?:section class='answer'|details class='section') id='(\w+)'", page)
    assert parts == [
        "answer", "curves", "tables", "differences", "costs", "trial", "wrong", "doubtful", "missing", "settings"
    ]  # fmt: skip


def test_the_answer_says_what_to_take_from_when_on_and_what_would_help(page: str) -> None:
    assert "<p>Take mlp on pixels: with 5 labels per class its accuracy is " in page
    assert "The first of these rests on 10 test images, 3 draws of labels." in page
    assert "Of 3 that were tried 1 cannot be told from the best, 1 is behind." in page
    assert "<p>On pixels: It is not decided from how many labels per class on mlp is behind no classical head" in page
    assert "<p>What mlp on pixels would gain at 1 label per class, in points: " in page


def test_scripts_find_heads_budgets_and_scores(page: str) -> None:
    data = data_of(page)
    assert [(head["name"], head["color"], head["on"]) for head in data["heads"]] == [
        ("mlp", "currentColor", True), ("svm", "#D55E00", True), ("forest", "#0072B2", True),
    ]  # fmt: skip
    (photos,) = data["datasets"]
    assert photos["scores"] == ["accuracy", "balanced_accuracy", "macro_f1"]
    assert photos["budgets"] == [
        {"name": "1", "labels": 1, "words": "1 label per class"},
        {"name": "5", "labels": 5, "words": "5 labels per class"},
    ]
    assert photos["embeddings"] == [{"name": "pixels", "on": True}]
    assert set(data["templates"]) == {"curves", "differences", "costs", "confusion"}
    assert all("rows" in json.dumps(template) for template in data["templates"].values())
    assert data["frames"]["curves"]["head"]["values"] == ["mlp", "svm", "forest"]


def test_text_of_results_cannot_end_the_script(folder: Path) -> None:
    with results.open_results(folder) as connection, connection:
        connection.execute("UPDATE rows SET dataset = '</script><b>'")
    page = written(folder)
    assert "</script><b>" not in page
    assert data_of(page)["datasets"][0]["name"] == "</script><b>"


def test_without_images_the_page_says_why_there_are_none(page: str) -> None:
    assert "Without pictures: this page was written from the results alone" in page
    assert "The store (EMBEDKIT_CACHE) holds none of these embeddings." in page
    assert "No head here gives probabilities." in page


def test_images_stand_beside_what_they_were_taken_for(folder: Path) -> None:
    images = np.arange(10, dtype=np.uint8)[:, None, None, None] * np.ones((1, 8, 8, 1), dtype=np.uint8)
    dataset = Dataset(
        "photos", "photos", tuple(f"{i}.png" for i in range(10)), np.repeat([0, 1], 5), ("cat", "dog"),
        np.full(10, "test"), np.arange(10), "content", lambda i: images[i],
    )  # fmt: skip
    page = written(folder, Materials({"photos": dataset}))
    assert re.findall(r"alt='(\d.png)' src='data:image/webp;base64,", page) == [
        "9.png", "6.png", "7.png", "8.png"
    ]  # fmt: skip
    assert "<b>dog</b>, taken for cat" in page


def test_a_page_that_cannot_be_written_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(EmbedkitError, match=r"cannot write .*report.html: No space left on device; free some space"):
        written(folder)


def test_where_nothing_has_a_score_the_page_says_why(folder: Path) -> None:
    with results.open_results(folder) as connection, connection:
        connection.execute("UPDATE rows SET status = 'failed', error = 'no <luck>'")
    page = written(folder)
    assert "no &lt;luck&gt;" in page
    assert data_of(page)["datasets"] == []


def test_the_page_shows_errors_of_numeric_targets(ages: Path) -> None:
    page = written(ages)
    assert "<h3>ages, pixels: mean absolute error (lower is better), by labels</h3>" in page
    assert "<td class='best'>0.500 ±0.327*</td>" in page
    data = data_of(page)
    assert data["datasets"][0]["score"] == "mae"
    assert data["datasets"][0]["budgetTitle"] == "labels"
    assert data["trials"] == []
    assert "Test images that are furthest off" in page
