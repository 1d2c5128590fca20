from __future__ import annotations

from pathlib import Path

import embedkit as ek
from embedkit.console import Console
from embedkit.outcomes import study_rows
from embedkit.plan import make_plan
from embedkit.report.materials import materials_of, stored_materials
from embedkit.study import make_study

KEYS = {"backbones": ["autoencoder(epochs=1, width=4)"], "heads": ["ridge"], "budgets": [5], "repeats": 2, "jobs": 1}


def test_results_alone_lead_to_the_same_embeddings_and_encoders_as_the_plan(tmp_path: Path) -> None:
    ek.run("digits", **KEYS, selection="default", codecs=["float32", "pca(dim=4)"], out=str(tmp_path))
    keys = KEYS | {"datasets": ["digits"], "selection": "default", "out": str(tmp_path)}
    planned = materials_of(make_plan(make_study("", **keys), Console(quiet=True)))
    found = stored_materials(study_rows(tmp_path / "digits"))
    assert found.embeddings == planned.embeddings
    assert len(found.embeddings) == 3
    assert list(found.records) == list(planned.records) == [("digits", "autoencoder(epochs=1, width=4)")]
    assert found.datasets == {}
    assert list(planned.datasets) == ["digits"]


def test_results_whose_embeddings_are_elsewhere_have_none(folder: Path) -> None:
    assert stored_materials(study_rows(folder)).embeddings == {}
