"""The page in a real browser: no error, no request, and controls that change what is drawn."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from embedkit.cli import _run_and_report
from embedkit.study import make_study

sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs chromium: apt-get install chromium")


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory, asv_results_at: Callable[[Path], Path]) -> Path:
    """Of digits and of photos that differ in brightness, on pixels and a small autoencoder, beside results of asv."""
    folder = tmp_path_factory.mktemp("study")
    asv_results_at(folder / "asv")
    rng = np.random.default_rng(0)
    for split, label, i in ((s, c, i) for s in ("train", "test") for c in ("dark", "light") for i in range(12)):
        place = folder / "photos" / split / label
        place.mkdir(parents=True, exist_ok=True)
        level = 90 if label == "dark" else 140
        pixels = np.clip(rng.normal(level, 40, (16, 16, 3)), 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(place / f"{i}.png")
    keys: dict[str, Any] = {
        "datasets": ["digits", str(folder / "photos")],
        "backbones": ["pixels", "autoencoder(epochs=1, width=4)"],
        "controls": False,
        "heads": ["mlp", "lda", "knn(k=1)"],
        "budgets": [1, 2, 5],
    }
    study = make_study("", **keys, repeats=2, selection="default", jobs=1, out=str(folder), name="both")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMBEDKIT_CACHE", str(folder / "cache"))
        assert _run_and_report(study, dry_run=False) == 0
    return study.folder / "report.html"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM)
        yield opened
        opened.close()


@pytest.fixture
def page(browser: Any, report: Path) -> Iterator[Any]:
    """The opened report; fails where its console told of anything, or it asked for any address but its own."""
    opened = browser.new_page(viewport={"width": 1400, "height": 900})
    told: list[str] = []
    asked: list[str] = []
    opened.on("console", lambda message: told.append(message.text))
    opened.on("pageerror", lambda error: told.append(str(error)))
    opened.on("request", lambda request: asked.append(request.url))
    opened.goto(report.as_uri())
    opened.wait_for_selector("#map-charts svg")
    yield opened
    opened.close()
    assert told == []
    assert [url for url in asked if not url.startswith(("data:", "blob:"))] == [report.as_uri()]


def lines(page: Any, place: str = "curve-charts") -> list[str]:
    """Where the lines of some charts run."""
    return list(page.eval_on_selector_all(f"#{place} .mark-line path[d]", "all => all.map(each => each.outerHTML)"))


def test_switching_a_head_off_takes_its_lines_away(page: Any) -> None:
    before = lines(page)
    assert len(before) == 3 * 2  # heads by embeddings
    page.uncheck("#head-switches input[value=lda]")
    page.wait_for_function("document.querySelectorAll('#curve-charts .mark-line path[d]').length === 4")
    assert "lda" not in "".join(lines(page))
    page.check("#head-switches input[value=lda]")
    page.wait_for_function("document.querySelectorAll('#curve-charts .mark-line path[d]').length === 6")
    assert lines(page) == before


def test_switching_an_embedding_off_takes_its_panel_away(page: Any) -> None:
    page.locator("#embedding-switches input").first.uncheck()
    page.wait_for_function("document.querySelectorAll('#curve-charts svg.marks').length === 1")


def test_another_data_set_changes_curves_tables_map_and_pictures(page: Any) -> None:
    before, points = lines(page), page.locator("#map-charts .mark-symbol path").count()
    assert page.locator("#tables h3:visible").all_inner_texts()[0].startswith("digits, ")
    page.select_option("#dataset", "photos")
    page.wait_for_function("document.querySelectorAll('#map-charts .mark-symbol path').length === 24")
    assert points == 360
    assert lines(page) != before
    assert all(text.startswith("photos, ") for text in page.locator("#tables h3:visible").all_inner_texts())
    assert page.locator("#wrong [data-dataset=photos]").is_visible()
    assert not page.locator("#wrong [data-dataset=digits]").is_visible()


def test_score_and_scale_change_axes(page: Any) -> None:
    before = lines(page)
    page.select_option("#scale", "linear")
    page.wait_for_timeout(300)
    linear = lines(page)
    assert linear != before
    page.select_option("#score", "brier")
    page.wait_for_selector("#curve-charts >> text=Brier score (lower is better)")
    assert lines(page) != linear
    assert "say nothing of new test images" in page.inner_text("#curve-note")


def test_another_head_has_another_confusion_matrix(page: Any) -> None:
    cells = "#trial-charts .mark-rect path"
    before = page.eval_on_selector_all(cells, "all => all.map(each => each.outerHTML)")
    page.select_option("#head", "knn(k=1)" if page.input_value("#head") != "knn(k=1)" else "lda")
    page.wait_for_timeout(300)
    assert page.eval_on_selector_all(cells, "all => all.map(each => each.outerHTML)") != before


def test_pointing_at_an_image_of_the_map_shows_it(page: Any) -> None:
    page.locator("#map-charts .mark-symbol path").nth(7).hover(force=True)
    page.wait_for_selector("#hover .thumb")
    assert "data:image/webp" in page.eval_on_selector("#hover .thumb", "thumb => thumb.style.backgroundImage")
    assert "% of trials" in page.inner_text("#hover")


def test_the_history_of_versions_is_drawn_when_it_is_opened(page: Any) -> None:
    page.click("#history summary")
    page.wait_for_selector("#history-1 svg >> text=1 + error (lower is better)")
    assert page.locator("#history-1 .mark-line path[d]").count() == 3  # svm at two budgets, lda at one
    assert page.locator("#history-2 .mark-line path[d]").count() == 1
    width = page.evaluate("document.querySelector('#history-1 svg').getBoundingClientRect().width")
    assert width > 250


def test_the_keyboard_reaches_every_control_and_its_focus_is_seen(page: Any) -> None:
    page.focus("#dataset")
    reached = ["dataset"]
    for _ in range(12):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id || document.activeElement.value"))
    assert reached[:5] == ["dataset", "embedding", "score", "scale", "theme"]
    assert {"mlp", "lda", "knn(k=1)"} <= set(reached)
    page.focus("#head-switches input[value=mlp]")
    page.keyboard.press("Space")
    page.wait_for_function("document.querySelectorAll('#curve-charts .mark-line path[d]').length === 4")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_the_dark_page_is_dark_and_its_axes_are_light(page: Any) -> None:
    page.click("#theme")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(22, 25, 29)"
    label = "getComputedStyle(document.querySelector('#curve-charts .role-axis-label text')).fill"
    assert page.evaluate(label) == "rgb(232, 232, 230)"
    assert page.inner_text("#theme") == "Light"


def test_nothing_is_wider_than_a_phone(browser: Any, report: Path) -> None:
    phone = browser.new_page(viewport={"width": 390, "height": 800}, color_scheme="dark")
    phone.goto(report.as_uri())
    phone.wait_for_selector("#curve-charts svg")
    assert phone.locator("details.section:not([open])").count() > 3
    phone.evaluate("for (const part of document.querySelectorAll('details.section')) part.open = true")
    phone.select_option("#dataset", "photos")
    phone.wait_for_selector("#map-charts svg")
    assert phone.evaluate("document.documentElement.scrollWidth") == 390
    phone.close()


def test_in_print_every_part_is_open_and_black_on_white(page: Any) -> None:
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print", color_scheme="dark")
    assert page.locator("details.section:not([open])").count() == 0
    assert page.locator("#wrong [data-dataset=photos]").is_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not page.locator("#bar").is_visible()
