"""How encoders were trained, as the page shows it."""

from __future__ import annotations

import base64
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from embedkit.backbones.encoder_files import TrainingRecord
from embedkit.cli import _run_and_report
from embedkit.report.text import _encoder_sentence
from embedkit.report.training import training_section
from embedkit.study import make_study

WHITE = np.full((2, 8, 8, 1), 255, dtype=np.uint8)
RECORD = TrainingRecord(np.array([[4.0, 0.5], [8.0, 0.25]]), WHITE, WHITE // 2, WHITE * 0)


def test_a_curve_and_three_rows_of_images_for_each_encoder() -> None:
    section = training_section({("photos", "<autoencoder>"): RECORD})
    assert "<h3>photos, &lt;autoencoder&gt;</h3>" in section
    assert "id='losses-1'" in section
    found = re.search("base64,([^']+)'", section)
    assert found
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(found[1]))))
    assert pixels.shape == (3 * 60, 2 * 60)
    assert pixels[::60, 0].tolist() == [255, 127, 0]
    assert pixels[-1, -1] == 255


def test_without_encoders_there_is_no_section() -> None:
    assert training_section({}) == ""


@pytest.mark.parametrize(
    ("backbone", "told"),
    [
        ("autoencoder(dim=8)", True),
        ('autoencoder(weights="encoder.safetensors")', True),
        ('autoencoder(weights="none")', False),
        ("pixels", False),
        ("resnet18", False),
    ],
)
def test_numbers_on_one_trained_encoder_say_so(backbone: str, told: bool) -> None:
    assert ("conditional on one trained encoder" in _encoder_sentence(backbone)) == told


def test_the_page_of_a_study_shows_the_training(tmp_path: Path) -> None:
    keys = {"datasets": ["digits"], "backbones": ["autoencoder(epochs=1, width=4)"], "heads": ["lda"], "budgets": [5]}
    study = make_study("", **keys, repeats=2, selection="default", jobs=1, out=str(tmp_path))
    assert _run_and_report(study, dry_run=False) == 0
    page = (study.folder / "report.html").read_text("utf-8")
    assert page.count("<h3>digits, autoencoder(epochs=1, width=4)</h3>") == 1
    found = re.search(r"id=\"data\">(.*?)</script>", page, re.DOTALL)
    assert found
    data = json.loads(found[1])
    assert [losses["place"] for losses in data["losses"]] == ["losses-1"]
    assert data["losses"][0]["rows"]["step"] == [12]
    assert {each["dataset"] for each in data["maps"]} == {"digits"}
