"""Which trials of two results folders belong together."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from embedkit.errors import EmbedkitError, listing
from embedkit.outcomes import PLACE, study_rows

CELL = (*PLACE, "head", "budget")
TRIAL = (*CELL, "repeat", "fold")
HASHES = {"test_sha256": "test images", "draw_sha256": "label draws"}
HASH_SHOWN = 12


@dataclass(frozen=True, eq=False)
class Side:
    """One results folder and trials of heads in it."""

    folder: Path
    rows: pd.DataFrame

    def only(self, keys: pd.Series) -> pd.DataFrame:
        """The rows with these keys."""
        return self.rows[self.rows["key"].isin(set(keys))]


def read_side(folder: Path) -> Side:
    """The finished trials of a folder.

    Raises
    ------
    EmbedkitError
        Where there are none.
    """
    rows = study_rows(folder)
    finished = rows[rows["status"] == "ok"]
    if finished.empty:
        raise EmbedkitError(f"{folder} holds no finished trials of heads")
    return Side(folder, finished)


def matched(a: Side, b: Side, by: tuple[str, ...]) -> pd.DataFrame:
    """What is in both, by some columns, with the other columns of each side as ``..._a`` and ``..._b``.

    Raises
    ------
    EmbedkitError
        Where nothing is.
    """
    sides = [side.rows.assign(budget=side.rows["budget"].astype("str")) for side in (a, b)]
    both = sides[0].merge(sides[1], on=list(by), suffixes=("_a", "_b"))
    if not both.empty:
        return both
    apart = [name for name in (*CELL, "evaluation") if not set(a.rows[name]) & set(b.rows[name])]
    for name in apart[:1]:
        held = [f"{side.folder} has {name} {listing(sorted(map(str, side.rows[name].unique())))}" for side in (a, b)]
        raise EmbedkitError(f"no trial is in both: {' and '.join(held)}")
    raise EmbedkitError(f"no trial is in both {a.folder} and {b.folder}, by {', '.join(by)} together")


def alone(side: Side, other: Side, unpaired: bool) -> pd.DataFrame:
    """The trials of one side that have no pair, or no cell, on the other."""
    by = list(CELL if unpaired else TRIAL)
    there = set(map(tuple, other.rows[by].astype("str").to_numpy()))
    return side.rows[[tuple(names) not in there for names in side.rows[by].astype("str").to_numpy()]]


def pairs(a: Side, b: Side) -> pd.DataFrame:
    """The trials that are in both, on the same test images and label draws.

    Raises
    ------
    EmbedkitError
        Where trials of the same names are on other images or draws; both hashes are told.
    """
    both = matched(a, b, TRIAL)
    for name, what in HASHES.items():
        hashes = both[[f"{name}_a", f"{name}_b"]].fillna("none")
        differ = hashes[hashes[f"{name}_a"] != hashes[f"{name}_b"]]
        if len(differ):
            mine, theirs = differ.iloc[0].str[:HASH_SHOWN]
            first = both.loc[differ.index[0]]
            where = f"{first['dataset']}, {first['backbone']}, {first['head']}, budget {first['budget']}"
            raise EmbedkitError(
                f"the {what} differ in {len(differ)} of {len(both)} trials (first: {where}, repeat {first['repeat']}): "
                f"{mine} in {a.folder}, {theirs} in {b.folder}. Such trials are no pairs; "
                "--unpaired compares means instead, with wider intervals"
            )
    return both
