"""What a user is told while a data set is opened."""

from __future__ import annotations

from pathlib import Path

import pytest

from embedkit import opening
from embedkit.cli import main
from embedkit.console import Console
from embedkit.datasets import dataset_spec
from embedkit.errors import EmbedkitError
from embedkit.opening import opened, stop_if_absent


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EMBEDKIT_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


def test_a_download_is_announced_with_where_it_goes(
    data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "open_dataset", lambda *_: "opened")
    assert opened("svhn", dataset_spec("svhn"), "auto", Console()) == "opened"
    assert capsys.readouterr().out.splitlines() == [
        f"downloading SVHN, 246 MB, by torchvision, to {data / 'SVHN'}",
        "looking at svhn",
    ]


def test_nothing_is_announced_for_what_is_here(capsys: pytest.CaptureFixture[str]) -> None:
    assert opened("digits", dataset_spec("digits"), "auto", Console()).name == "digits"
    assert capsys.readouterr().out.splitlines() == ["looking at digits"]


def test_a_dry_run_downloads_nothing(
    data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stop_if_absent(["digits"], None)
    message = (
        "a plan needs the images of svhn, and --dry-run downloads nothing "
        f"(SVHN, 246 MB, by torchvision, to {data / 'SVHN'}); get them by: embedkit check svhn"
    )
    with pytest.raises(EmbedkitError) as told:
        stop_if_absent(["digits", "svhn"], None)
    assert str(told.value) == message
    monkeypatch.setattr("sys.argv", ["embedkit", "run", "svhn", "--dry-run"])
    with pytest.raises(SystemExit):
        main()
    assert message in capsys.readouterr().err
    assert not data.exists()
