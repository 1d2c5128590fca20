"""Make a reference of finished results: ``python benchmarks/make_reference.py results/NAME``.

Writes ``results/reference/NAME/``: ``results.sqlite``, which every command on results reads, without probabilities
(they are most of the bytes, and rows keep the scores made of them); and for readers without embedkit ``study.toml``,
``runs.json`` (commands, versions, machine and settings, by the rows' ``run_id``), ``rows.csv.gz`` (with the hashes of
label draws and test images) and ``tables.md``. Of a reference itself only the latter are written anew.
"""

from __future__ import annotations

import gzip
import json
import re
import shutil
import sqlite3
import sys
import zlib
from pathlib import Path

from embedkit.report.export import write_export
from embedkit.results import FILE, load_runs

ROOT = Path(__file__).parents[1]
REFERENCE = ROOT / "results" / "reference"
STUDIES = ROOT / "embedkit" / "studies"


def make_reference(folder: Path) -> Path:
    """Copy results to where references are; returns that folder."""
    target = REFERENCE / folder.resolve().name
    if folder.resolve() != target:
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        _copy(folder / FILE, target / FILE)
    _describe(target)
    return target


def _copy(results: Path, smaller: Path) -> None:
    with sqlite3.connect(results) as source, sqlite3.connect(smaller) as copy:
        source.backup(copy)
    copy = sqlite3.connect(smaller)
    copy.create_function("smaller", 1, lambda packed: zlib.compress(zlib.decompress(packed), level=9))
    copy.create_function("portable", 1, _portable)
    with copy:
        copy.execute(
            "UPDATE predictions SET predicted = smaller(predicted), confidence = NULL, true_probability = NULL"
        )
        copy.execute("UPDATE runs SET facts = portable(facts)")
    copy.execute("VACUUM")
    copy.close()


def _describe(target: Path) -> None:
    rows, _ = write_export(target, target)
    rows.with_suffix(".csv.gz").write_bytes(gzip.compress(rows.read_bytes(), mtime=0))
    rows.unlink()
    (target / "runs.json").write_text(json.dumps(load_runs(target), indent=1) + "\n")
    shutil.copyfile(STUDIES / f"{target.name}.toml", target / "study.toml")


def _portable(facts: str) -> str:
    """Without the folder that results were written to."""
    kept = json.loads(facts)
    kept["command"] = re.sub(r"^\S+", "embedkit", re.sub(r" --out \S+", "", kept["command"]))
    kept["study"].pop("out", None)
    return json.dumps(kept)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        for file in sorted(make_reference(Path(name)).iterdir()):
            print(f"{file.relative_to(ROOT)}: {file.stat().st_size:,} bytes")
