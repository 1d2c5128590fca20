"""The commands on results: ``embedkit table``, ``embedkit compare`` and ``embedkit asv-table``."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from embedkit.errors import EmbedkitError
from embedkit.spec import split_list

_FOLDER = typer.Argument(help="a results folder, such as results/digits", show_default=False)


def table(
    folder: Annotated[str, _FOLDER],
    rows: Annotated[str, typer.Option(help="columns of the results that name the rows")] = "head",
    columns: Annotated[str, typer.Option(help="those that name the columns")] = "budget",
    value: Annotated[
        str | None, typer.Option(help="a score or cost, such as brier or fit_s; default: the study's score")
    ] = None,
    where: Annotated[
        list[str] | None, typer.Option(help='what to keep: column=value, or "head=svm, lda"', show_default=False)
    ] = None,
    mean: Annotated[str, typer.Option(help="columns to average over, such as backbone", show_default=False)] = "",
    out: Annotated[
        Path | None, typer.Option(help="a file: .csv, .parquet, .md, .tex or .txt", show_default=False)
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option(
            "--format", help="text, markdown, latex, csv or parquet; default: by the file", show_default=False
        ),
    ] = None,
) -> None:
    """Any score or cost of a study by any columns of its results: for a terminal, a paper or other programs.

    What varies and is not named (backbones, say) gives a table each; only repeats and folds are averaged over, and what
    --mean names. Accuracies, macro_f1 and mae come with 95% intervals and marks for the best heads. CSV and
    Parquet hold a line per cell, with estimate, low, high and among_best; scores there are as in the results (0 to 1).
    """
    from embedkit.tables import formats
    from embedkit.tables.cells import make_cells, names
    from embedkit.tables.text import as_text

    kind = kind or ("text" if out is None else formats.format_of(out))
    formats.check_format(kind, out is not None)
    cells = make_cells(Path(folder), names(rows), names(columns), value, _conditions(where or []), names(mean))
    if out is not None:
        formats.write(cells, kind, out)
        print(out)
    elif kind == "text":
        print(as_text(cells, width()))
    else:
        print(formats.TEXTS[kind](cells).rstrip("\n"))


def compare(
    a: Annotated[str, _FOLDER],
    b: Annotated[str, typer.Argument(help="another one, or the word reference", show_default=False)],
    unpaired: Annotated[
        bool, typer.Option("--unpaired", help="compare means where test images or label draws differ")
    ] = False,
    margin: Annotated[
        float,
        typer.Option(help="points up to which a difference does not matter (numbers: % of saying the median)", min=0),
    ] = 1.0,
) -> None:
    """Compare two sets of results, of two versions or machines, or with the reference that comes with embedkit.

    Trials of the same data set, backbone, codec, head, budget, repeat, selection and fold are pairs where test images
    and label draws agree. The exit status is 0 where all is the same or level, 1 where A and B differ, and 3 where that
    is not decided.
    """
    from embedkit.side_by_side.differences import compare_sides, read_sides
    from embedkit.side_by_side.text import comparison_text
    from embedkit.side_by_side.verdict import STATUS, ending

    sides = read_sides(Path(a), b)
    cells = compare_sides(*sides, unpaired=unpaired, margin=margin)
    print(comparison_text(*sides, cells, unpaired, margin, width()))
    raise typer.Exit(STATUS[ending(cells)])


def asv_table(
    folder: Annotated[Path, typer.Argument(help="asv's results, such as results/asv", show_default=False)],
    out: Annotated[Path | None, typer.Option(help="a file: .csv or .parquet", show_default=False)] = None,
) -> None:
    """What asv measured of embedkit's versions: a line per commit, benchmark and combination of its parameters.

    A file has the whole hash of commits, and a column for each parameter besides, to join with other results.
    """
    from embedkit import asv_results
    from embedkit.tables import formats

    measured = asv_results.asv_table(folder)
    if out is not None:
        formats.write_frame(measured, out)
        print(out)
        return
    shown = measured[asv_results.COLUMNS].assign(
        commit=measured["commit"].str[:8], date=measured["date"].dt.strftime("%Y-%m-%d %H:%M")
    )
    print(shown.to_string(index=False, float_format="{:.6g}".format, na_rep="failed"))


def width() -> int:
    from embedkit.tables.text import WIDTH

    return shutil.get_terminal_size().columns if sys.stdout.isatty() else WIDTH


def _conditions(where: list[str]) -> dict[str, list[str]]:
    """``column=value, value`` as columns and the values to keep."""
    conditions: dict[str, list[str]] = {}
    for condition in where:
        column, sign, values = condition.partition("=")
        if not (sign and column.strip() and values.strip()):
            raise EmbedkitError(f"cannot read --where {condition!r}; write column=value, such as head=svm")
        conditions.setdefault(column.strip(), []).extend(split_list(values))
    return conditions
