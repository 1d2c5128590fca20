"""Make a reference of finished results: ``python benchmarks/make_reference.py results/NAME``.

Writes ``results/reference/NAME/``: ``results.sqlite``, which every command on results reads, without probabilities
(they are most of the bytes, and rows keep the scores made of them), and ``tables.md`` and ``rows.csv.gz``.
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
from embedkit.results import FILE

REFERENCE = Path(__file__).parents[1] / "results" / "reference"


def make_reference(folder: Path) -> Path:
    """Copy results to where references are; returns that folder."""
    target = REFERENCE / folder.name
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    with sqlite3.connect(folder / FILE) as source, sqlite3.connect(target / FILE) as copy:
        source.backup(copy)
    copy = sqlite3.connect(target / FILE)
    copy.create_function("smaller", 1, lambda packed: zlib.compress(zlib.decompress(packed), level=9))
    copy.create_function("portable", 1, _portable)
    with copy:
        copy.execute(
            "UPDATE predictions SET predicted = smaller(predicted), confidence = NULL, true_probability = NULL"
        )
        copy.execute("UPDATE runs SET facts = portable(facts)")
    copy.execute("VACUUM")
    copy.close()
    rows, _ = write_export(target, target)
    rows.with_suffix(".csv.gz").write_bytes(gzip.compress(rows.read_bytes(), mtime=0))
    rows.unlink()
    return target


def _portable(facts: str) -> str:
    """Without the folder that results were written to."""
    kept = json.loads(facts)
    kept["command"] = re.sub(r"^\S+", "embedkit", re.sub(r" --out \S+", "", kept["command"]))
    kept["study"].pop("out", None)
    return json.dumps(kept)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        for file in sorted(make_reference(Path(name)).iterdir()):
            print(f"{file.relative_to(REFERENCE.parents[1])}: {file.stat().st_size:,} bytes")
