"""What a report may show besides results: images, embeddings and how encoders were trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd

from embedkit import artefacts
from embedkit.codecs import make_codec
from embedkit.embeddings import store
from embedkit.errors import EmbedkitError
from embedkit.heads import HEADS, head_recipe
from embedkit.spec import parse, parse_chain

if TYPE_CHECKING:
    from embedkit.backbones.encoder_files import TrainingRecord
    from embedkit.datasets import Dataset
    from embedkit.plan import Plan


@dataclass(frozen=True)
class Materials:
    """Data sets by name, keys of the store by data set and backbone, and records of training by data set and backbone.

    Whatever is not here is left out of the report.
    """

    datasets: Mapping[str, Dataset] = field(default_factory=dict)
    embeddings: Mapping[tuple[str, str], str] = field(default_factory=dict)
    records: Mapping[tuple[str, str], TrainingRecord] = field(default_factory=dict)


def materials_of(plan: Plan) -> Materials:
    """All that the data sets and backbones of a study have."""
    from embedkit.backbones import Backbone
    from embedkit.backbones.encoder_files import training_record
    from embedkit.embeddings.extract import effective_key

    bound = {
        (name, text): backbone
        for name, bench in plan.benches.items()
        for text, backbone in bench.backbones.items()
        if isinstance(backbone, Backbone)
    }
    keys = {at: effective_key(plan.benches[at[0]].dataset, backbone, plan.device) for at, backbone in bound.items()}
    trained = {at: training_record(backbone.recipe) for at, backbone in bound.items() if backbone.training_passes}
    return Materials(
        {name: bench.dataset for name, bench in plan.benches.items() if bench.dataset.vectors is None},
        {at: key for at, key in keys.items() if store.is_complete(key)},
        {at: record for at, record in trained.items() if record is not None},
    )


def stored_materials(rows: pd.DataFrame) -> Materials:
    """What the store holds of results whose data sets need not be there: no images."""
    from embedkit.backbones.encoder_files import training_record

    recipes = _manifests()
    keys: dict[tuple[str, str], str] = {}
    records: dict[tuple[str, str], TrainingRecord] = {}
    first = rows[rows["status"] == "ok"].drop_duplicates(["dataset", "backbone"])
    for row in first.to_dict("records"):
        for key, manifest in recipes.items():
            if manifest["dataset"] == row["dataset"] and _made_of(row, manifest["recipe"]):
                at = row["dataset"], row["backbone"]
                keys[at] = key
                record = training_record(manifest["recipe"])
                if record is not None:
                    records[at] = record
    return Materials(embeddings=keys, records=records)


def _manifests() -> dict[str, dict[str, Any]]:
    """By key, what complete embeddings in the store are made of."""
    found = {}
    for folder in sorted((artefacts.cache() / "embeddings").glob("*")):
        try:
            found[folder.name] = store.manifest(folder.name)
        except EmbedkitError:
            continue
    return found


def _made_of(row: Mapping[str, object], recipe: object) -> bool:
    """Whether a row's inputs are those of a backbone with this recipe."""
    head = parse(str(row["head"]))
    if head.name not in HEADS:
        return False
    codec = make_codec(parse_chain(str(row["codec"])))
    parts = [row["data_sha256"], recipe, codec.version, head_recipe(head, str(row["selection"]))]
    return artefacts.key(parts) == row["inputs_sha256"]
