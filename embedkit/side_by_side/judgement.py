"""Whether a rerun of a study gives what its reference holds, cell by cell."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import pandas as pd

from embedkit.errors import counted
from embedkit.heads import HEADS
from embedkit.side_by_side.differences import compare_sides
from embedkit.side_by_side.pairs import CELL, HASHES, TRIAL, Side, matched
from embedkit.spec import parse

EQUAL_MIN = 0.995
"""The share of equal predictions that is asked of heads without chance."""
POINTS = 1.0
"""How far from the reference all others may be, with their whole interval."""

EQUAL = "equal"
EQUAL_OR_LEVEL = "equal or level"
LEVEL = "level"

VERIFIED, REFUTED, UNDECIDED = "verified", "refuted", "undecided"


def judge(rerun: Side, reference: Side, by_machine: Collection[tuple[str, str]]) -> pd.DataFrame:
    """A row for each cell of the rerun: what was asked of it, what was found, and whether that is enough.

    Parameters
    ----------
    rerun, reference : Side
        Trials that are settled: finished, failed or not applicable.
    by_machine : collection of (str, str)
        Data sets and backbones of which the embeddings may differ from machine to machine.

    Returns
    -------
    DataFrame
        What `embedkit.verify_reference` returns.
    """
    both = matched(rerun, reference, TRIAL)
    both["wrong"] = [_wrong(trial) for _, trial in both.iterrows()]
    both = both[(both["wrong"] != "") | (both["status_b"] == "ok")]
    sound = both[both["wrong"] == ""]
    compared = _compared(rerun, reference, sound)
    lines = []
    for cell, trials in both.groupby(list(CELL), sort=False):
        wrong = trials.loc[trials["wrong"] != "", "wrong"]
        found: dict[str, Any] = compared.get(cell, {"score": None, "difference": np.nan, "equal_predictions": np.nan})
        line = dict(zip(CELL, cell, strict=True)) | {
            "rule": _rule(cell, by_machine),
            "trials": len(trials),
            "pairs": len(trials) - len(wrong),
            "wrong": f"{wrong.iloc[0]} in {len(wrong)} of {counted(len(trials), 'trial')}" if len(wrong) else "",
            **{name: found.get(name, np.nan) for name in ("score", "equal_predictions", "difference", "low", "high")},
        }
        line["verdict"] = REFUTED if len(wrong) else _verdict(line["rule"], found)
        lines.append(line)
    return pd.DataFrame(lines)


def _wrong(trial: pd.Series) -> str:
    """Why a trial of the rerun and that of the reference are no pair, or nothing."""
    if trial["status_a"] != trial["status_b"]:
        reason = "" if pd.isna(trial["error_a"]) else f" ({trial['error_a']})"
        return f"{trial['status_a'].replace('_', ' ')}{reason}"
    for name, what in HASHES.items() if trial["status_a"] == "ok" else ():
        hashes = trial[[f"{name}_a", f"{name}_b"]].fillna("none")
        if hashes.iloc[0] != hashes.iloc[1]:
            return f"other {what}"
    return ""


def _compared(rerun: Side, reference: Side, sound: pd.DataFrame) -> dict[Any, dict[str, Any]]:
    """By cell, what `compare_results` finds of the pairs."""
    if sound.empty:
        return {}
    sides = Side(rerun.folder, rerun.only(sound["key_a"])), Side(reference.folder, reference.only(sound["key_b"]))
    found = compare_sides(*sides, unpaired=False, margin=POINTS)
    return {tuple(cell[name] for name in CELL): cell.to_dict() for _, cell in found.iterrows()}


def _rule(cell: tuple[str, ...], by_machine: Collection[tuple[str, str]]) -> str:
    names = dict(zip(CELL, cell, strict=True))
    if not HEADS[parse(names["head"]).name].deterministic:
        return LEVEL
    return EQUAL_OR_LEVEL if (names["dataset"], names["backbone"]) in by_machine else EQUAL


def _verdict(rule: str, found: dict[str, Any]) -> str:
    if rule != LEVEL and found["equal_predictions"] >= EQUAL_MIN:
        return VERIFIED
    if rule == EQUAL:
        return REFUTED
    return {"same": VERIFIED, "level": VERIFIED, "undecided": UNDECIDED}.get(found["verdict"], REFUTED)
