"""What a look over a data set tells, and when it is not sound."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from embedkit import check as module
from embedkit.check import check_dataset
from embedkit.cli import main
from embedkit.console import Console

WritePhoto = Callable[..., Path]


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    """Photos in train and test folders; all are smooth and unlike each other."""
    seed = 0
    for split, n in (("train", 22), ("test", 3)):
        for name in ("cat", "dog"):
            for i in range(n):
                file = tmp_path / "pets" / split / name / f"{i:02}.png"
                file.parent.mkdir(parents=True, exist_ok=True)
                picture(seed).save(file)
                seed += 1
    return tmp_path / "pets"


def picture(seed: int) -> Image.Image:
    coarse = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((48, 48), Image.Resampling.BICUBIC)


def checked(path: Path | str, capsys: pytest.CaptureFixture[str], everything: bool = False) -> tuple[bool, list[str]]:
    sound = check_dataset(str(path), None, Console(), everything)
    return sound, capsys.readouterr().out.splitlines()


def test_counts_are_told_by_class_and_split(pets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (pets / "train" / "unlabeled").mkdir()
    picture(99).save(pets / "train" / "unlabeled" / "a.png")
    sound, lines = checked(pets, capsys)
    assert sound
    assert lines[1:6] == [
        "pets: 51 images",
        "                   train        test",
        "  cat                 22           3",
        "  dog                 22           3",
        "  (no label)           1           0",
    ]
    assert lines[-3:] == [
        "  exact duplicates left, each on one side of every split: 0",
        "  near duplicates: 0 pairs, 0 of them across train and test",
        "sound",
    ]


def test_unreadable_images_are_listed_and_not_sound(pets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (pets / "train" / "cat" / "cut.png").write_bytes(b"")
    sound, lines = checked(pets, capsys)
    assert not sound
    assert "  unreadable: train/cat/cut.png (empty file)" in lines
    assert lines[-1] == "not sound: 1 unreadable image"


def test_copies_in_train_and_test_are_dropped_and_not_sound(pets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copy(pets / "test/cat/00.png", pets / "train/cat/copy.png")
    sound, lines = checked(pets, capsys)
    assert not sound
    assert "  in train and in test, dropped from train: train/cat/copy.png" in lines
    assert lines[-1] == "not sound: 1 image to train on is in test too"


def test_copies_on_one_side_are_sound_unless_their_labels_differ(
    pets: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(pets / "train/cat/00.png", pets / "train/cat/copy.png")
    sound, lines = checked(pets, capsys)
    assert sound
    assert "  exact duplicates left, each on one side of every split: 1" in lines
    shutil.move(pets / "train/cat/copy.png", pets / "train/dog/copy.png")
    sound, lines = checked(pets, capsys)
    assert not sound
    assert lines[-1] == "not sound: 1 image with copies of another label"


def test_near_duplicates_are_listed_those_across_train_and_test_first(
    pets: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for source, name in (("train/cat/01.png", "train/cat/near.png"), ("test/dog/02.png", "train/dog/near.png")):
        Image.open(pets / source).resize((40, 40)).save(pets / name)
    sound, lines = checked(pets, capsys)
    assert sound
    assert lines[-4:-1] == [
        "  near duplicates: 2 pairs, 1 of them across train and test",
        "    test/dog/02.png  train/dog/near.png  train and test",
        "    train/cat/01.png  train/cat/near.png",
    ]
    monkeypatch.setattr(module, "PAIRS_SHOWN", 1)
    assert checked(pets, capsys)[1][-2] == "    and 1 more (--all lists them)"
    assert checked(pets, capsys, everything=True)[1][-2] == "    train/cat/01.png  train/cat/near.png"


def test_drawings_and_tiny_images_are_not_compared(pets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for at in range(3):
        drawing = np.full((40, 40), 255, dtype=np.uint8)
        drawing[10:30, 18 : 22 + at] = 0
        Image.fromarray(drawing).save(pets / "train" / "cat" / f"drawing{at}.png")
    Image.open(pets / "train" / "dog" / "01.png").resize((20, 20)).save(pets / "train" / "dog" / "tiny.png")
    sound, lines = checked(pets, capsys)
    assert sound
    assert lines[-3:-1] == [
        "  not compared for near duplicates: 4 images with a side below 32 pixels or more than 50% of one grey level, "
        "which shows little but an outline",
        "  near duplicates: 0 pairs, 0 of them across train and test",
    ]


def test_counts_other_than_the_cards_are_not_sound(
    pets: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    card: dict[str, Any] = {"loader": f'folder(path="{pets}")', "task": "classification", "images": 50, "classes": 2}
    known = {"pets": card | {"train": 44, "test": 6}}
    for place in ("embedkit.datasets.cards", "embedkit.check.cards"):
        monkeypatch.setattr(place, lambda: known)
    assert checked("pets", capsys)[0]
    shutil.copy(pets / "test/cat/00.png", pets / "train/cat/00.png")
    known["pets"] |= {"classes": 3, "test": 7}
    sound, lines = checked("pets", capsys)
    assert not sound
    assert lines[-1] == (
        "not sound: 1 image to train on is in test too; 6 test, but its card says 7; 2 classes, but its card says 3"
    )


def test_vectors_and_numbers_are_checked_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.savez(tmp_path / "x.npz", X=np.array([[1.0, 2], [3, 4], [1, 2]]), y=np.array([0.5, 1.5, 0.5]))
    sound, lines = checked(tmp_path / "x.npz", capsys)
    assert sound
    assert lines[1:] == [
        "x: 3 vectors",
        "                 (no split)",
        "  with a number           3",
        "  all                     3",
        "  exact duplicates left, each on one side of every split: 1",
        "sound",
    ]


def test_images_without_labels_are_counted_and_compared(pets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sound, lines = checked(pets / "test" / "cat", capsys)
    assert sound
    assert lines[1:] == [
        "cat: 3 images",
        "              (no split)",
        "  (no label)           3",
        "  all                  3",
        "looking for copies",
        "  exact duplicates left, each on one side of every split: 0",
        "  near duplicates: 0 pairs",
        "sound",
    ]


@pytest.mark.parametrize(("broken", "status"), [(False, 0), (True, 1)])
def test_the_command_ends_with_its_status(
    broken: bool, status: int, pets: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if broken:
        (pets / "train" / "cat" / "cut.png").write_bytes(b"")
    monkeypatch.setattr("sys.argv", ["embedkit", "check", str(pets)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == status
    assert capsys.readouterr().out.splitlines()[-1].startswith("not sound" if broken else "sound")


def test_too_many_unreadable_images_are_all_listed(pets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = [f"train/cat/bad{i}.png" for i in range(9)]
    for name in broken:
        (pets / name).write_bytes(b"no image")
    sound, lines = checked(pets, capsys)
    assert not sound
    assert [line for line in lines if "unreadable:" in line] == [
        f"  unreadable: {name} (not an image)" for name in broken
    ]
    assert lines[-1] == "not sound: 9 unreadable images, too many to look further; mend or remove them"
