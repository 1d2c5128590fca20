"""Results as files for other programs: rows as CSV, tables as Markdown."""

from __future__ import annotations

from pathlib import Path

from embedkit import artefacts
from embedkit.frames import load_predictions, load_results
from embedkit.report.distances import distance_rows, distances_markdown
from embedkit.report.summary import summarise
from embedkit.report.text import summary_markdown


def write_export(folder: Path, out: Path, predictions: bool = False) -> list[Path]:
    """Write ``rows.csv``, ``tables.md`` and, if asked for, ``predictions.csv``; returns the files.

    Raises
    ------
    EmbedkitError
        Where there are no results, or nothing can be written.
    """
    tables = summary_markdown(summarise(folder)) + "\n" + distances_markdown(distance_rows(folder))
    contents = {"rows.csv": load_results(folder).to_csv(index=False), "tables.md": tables.strip() + "\n"}
    if predictions:
        contents["predictions.csv"] = load_predictions(folder).to_csv(index=False)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise artefacts.unwritable(out, error) from None
    for name, text in contents.items():
        artefacts.write_atomically(out / name, text.encode())
    return [out / name for name in contents]
