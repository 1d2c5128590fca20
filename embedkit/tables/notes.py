"""What must be known to read a table: on what it rests, what its marks mean, what is missing."""

from __future__ import annotations

from collections.abc import Iterator

from embedkit.errors import counted, listing
from embedkit.tables import units
from embedkit.tables.cells import COSTS, Cells
from embedkit.tables.headline import SCORES

IN_TEXT = "* cannot"
IN_BOLD = "Bold: cannot"


def notes(cells: Cells, marked: str = IN_TEXT) -> list[str]:
    """Sentences for below a table, or its caption; `marked` is how the one about the best heads begins."""
    return [
        *_protocol(cells),
        *_reading(cells, marked),
        *_averages(cells),
        *_incomplete(cells),
        *_without_value(cells),
        *_without_score(cells),
    ]


def _protocol(cells: Cells) -> Iterator[str]:
    if cells.value in COSTS:
        yield "Measured alone, in the first repeat."
        return
    for dataset, trials in cells.trials.groupby("dataset"):
        if cells.about_distances:
            yield f"{dataset}: {counted(trials['n_test'].max(), 'image')} compared."
        elif trials["fold"].notna().any():
            of_one = ["backbone", "codec", "selection", "head", "budget", "repeat"]
            images = counted(trials.groupby(of_one, observed=True)["n_test"].sum().max(), "labelled image")
            divided = f"divided anew into {trials['fold'].nunique()} folds"
            yield f"{dataset}: {images}, {divided} {counted(trials['repeat'].nunique(), 'time')}."
        else:
            images = counted(trials["n_test"].max(), "test image")
            yield f"{dataset}: {images}, labels drawn {counted(trials['repeat'].nunique(), 'time')}."


def _reading(cells: Cells, marked: str) -> Iterator[str]:
    if cells.frame["low"].notna().any():
        yield f"± is a 95% interval over {_covered(cells)}."
    elif (cells.frame["trials"] > 1).any():
        fewest, most = cells.frame["trials"].min(), cells.frame["trials"].max()
        yield f"Means over {fewest if fewest == most else f'{fewest} to {most}'} trials, without intervals."
    if cells.compares_heads and cells.frame["among_best"].any():
        yield (
            f"{marked} be told from the best of the heads shown, on the same embedding at the same budget: none of "
            "these beats it, one-sided, at .05 / (heads - 1)."
        )


def _covered(cells: Cells) -> str:
    """What an interval is over."""
    if cells.about_distances:
        return "new episodes from these images" if cells.value == "accuracy" else "new images"
    one_draw = cells.trials["repeat"].nunique() == 1 and cells.trials["fold"].isna().all()
    return "test images, with one label draw" if one_draw else "label draws and test images"


def _averages(cells: Cells) -> Iterator[str]:
    for name in cells.averaged:
        values = [str(value) for value in cells.trials[name].dropna().unique()]
        if len(values) > 1:
            yield f"Averaged over {counted(len(values), name)} ({listing(values)}): nothing is marked."


def _incomplete(cells: Cells) -> Iterator[str]:
    bare = cells.frame[cells.frame["low"].isna()]
    if cells.value in SCORES and 0 < len(bare) < len(cells.frame):
        named = [*cells.rows, *cells.columns]
        which = [" / ".join(map(str, line)) for line in bare[named].itertuples(index=False, name=None)]
        yield f"Without ± are cells that lack trials which others have: {listing(which)}."


def _without_value(cells: Cells) -> Iterator[str]:
    finished = cells.chosen[cells.chosen["status"] == "ok"]
    heads = sorted(set(finished["head"].dropna()) - set(cells.trials["head"].dropna()))
    if heads:
        yield f"Without {units.name(cells.value)}: {listing(heads)}."


def _without_score(cells: Cells) -> Iterator[str]:
    missing = cells.chosen[cells.chosen["status"] != "ok"]
    missing = missing.assign(error=missing["error"].fillna("no reason was kept"))
    for (status, error), trials in missing.groupby(["status", "error"]):
        heads = ", ".join(sorted(set(trials["head"].dropna()) or set(trials["metric"])))
        yield f"{status.replace('_', ' ')}: {counted(len(trials), 'trial')} ({heads}): {error}"
