from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

Embedkit = Callable[..., tuple[int, str, str]]
PICTURE = "src='data:image/webp;base64,"
STUDY = ["--backbones", "pixels", "--heads", "centroid", "--budgets", "2", "--repeats", "2", "--jobs", "1"]


@pytest.fixture
def photos(run: Embedkit, tmp_path: Path, write_photo: Callable[..., Path]) -> Path:
    """Photos of which a study is finished and its page is gone."""
    for seed in range(24):
        write_photo(tmp_path / "photos" / ("cat" if seed % 2 else "dog") / f"{seed}.png", seed)
    assert run("run", "photos", *STUDY)[0] == 0
    Path("results", "photos", "report.html").unlink()
    return tmp_path / "photos"


def test_the_page_is_that_of_the_run(run: Embedkit, photos: Path) -> None:
    run("run", "photos", *STUDY)
    page = Path("results", "photos", "report.html")
    first = page.read_text(encoding="utf-8")
    page.unlink()
    status, out, err = run("report", "results/photos")
    assert (status, err) == (0, "")
    assert f"report: {page}" in out
    assert "without pictures" not in out
    assert page.read_text(encoding="utf-8") == first
    assert PICTURE in first


def test_images_that_are_gone_are_told(run: Embedkit, photos: Path) -> None:
    shutil.rmtree(photos)
    status, out, _ = run("report", "results/photos")
    assert status == 0
    assert "without pictures of photos: no folder or data set 'photos'" in out
    page = Path("results", "photos", "report.html").read_text(encoding="utf-8")
    assert PICTURE not in page
    assert "embedkit report adds them where the images are" in page


def test_images_of_another_folder_of_that_name_are_not_shown(
    run: Embedkit, photos: Path, write_photo: Callable[..., Path]
) -> None:
    write_photo(photos / "cat" / "new.png", 99)
    _, out, _ = run("report", "results/photos")
    assert "without pictures of photos: its images, labels or splits are not those of the results any more" in out


def test_nothing_is_downloaded(run: Embedkit, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from embedkit.report import reopened

    monkeypatch.setattr(reopened, "load_runs", lambda _: [{"study": {"datasets": ["mnist"]}}])
    monkeypatch.setattr(reopened, "download_of", lambda _: "mnist, 12 MB")
    _, out, _ = run("report", folder)
    assert "without pictures of mnist: it is not here (mnist, 12 MB); get it by: embedkit check mnist" in out


def test_a_folder_without_results_is_told(run: Embedkit, tmp_path: Path) -> None:
    status, _, err = run("report", "nothing")
    assert status == 2
    assert "no results at 'nothing'" in err
