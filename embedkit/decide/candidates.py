"""What a study tried on one data set at one budget: on the same draws and images, with what each costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from embedkit.heads import HEADS
from embedkit.outcomes import ORACLE, Measured, Outcomes
from embedkit.spec import parse, parse_chain, shown_name


@dataclass(frozen=True)
class Candidate:
    """A pipeline that may be taken, as the columns of the rows name it."""

    backbone: str
    codec: str
    head: str
    selection: str

    def __str__(self) -> str:
        stored = "" if self.codec == "float32" else f" through {self.codec}"
        chosen = " with default parameters" if self.selection == "default" else ""
        return f"{self.head} on {self.backbone}{stored}{chosen}"


@dataclass(frozen=True)
class Cost:
    """Seconds to choose parameters and fit, to predict one image from its embedding, and the network's work for it.

    None where it was not measured.
    """

    fit_s: float | None
    predict_s: float | None
    backbone_macs: int | None

    @property
    def order(self) -> tuple[float, float]:
        """What is cheaper comes first: the network that every new image goes through, then the time of the head."""
        work = float("inf") if self.backbone_macs is None else float(self.backbone_macs)
        return work, float("inf") if self.fit_s is None else self.fit_s + (self.predict_s or 0.0)


@dataclass(frozen=True, eq=False)
class Tried:
    """A candidate, what it got right (R, n), where it was measured, and its cost."""

    candidate: Candidate
    correct: np.ndarray
    outcomes: Outcomes
    cost: Cost


def tried_at(found: Sequence[Outcomes], budget: str, rows: pd.DataFrame) -> list[Tried]:
    """All candidates of a data set at a budget that share test images and repeats with most; the cheapest first.

    What the test images themselves have chosen (oracle) is none.
    """
    measured = [
        (Candidate(outcomes.backbone, outcomes.codec, head, outcomes.selection), at, outcomes)
        for outcomes in found
        if outcomes.selection != ORACLE
        for head in outcomes.heads
        if (at := outcomes.measured.get((head, budget))) is not None
    ]
    if not measured:
        return []
    _, widest, of_widest = max(measured, key=lambda each: len(each[1].repeats))
    tried = []
    for candidate, at, outcomes in measured:
        if outcomes.ids != of_widest.ids:
            continue
        if at.repeats == widest.repeats:
            tried.append(Tried(candidate, at.correct, outcomes, _cost(candidate, budget, rows)))
        elif _same_for_all_draws(at, budget):
            correct = np.repeat(at.correct, len(widest.repeats), axis=0)
            tried.append(Tried(candidate, correct, outcomes, _cost(candidate, budget, rows)))
    return sorted(tried, key=lambda each: each.cost.order)


def missing_at(found: Sequence[Outcomes], budget: str, tried: Sequence[Tried], rows: pd.DataFrame) -> list[Candidate]:
    """Heads that were tried on one embedding, and lack results on another where they could have some."""
    there = {each.candidate for each in tried}
    unsuited = rows[(rows["status"] == "not_applicable") & (rows["budget"] == budget)]
    unsuited = set(zip(unsuited["backbone"], unsuited["codec"], unsuited["head"], strict=True))
    missing = []
    for outcomes in found:
        alike = [other for other in found if other.selection == outcomes.selection != ORACLE]
        for head in dict.fromkeys(head for other in alike for head in other.heads):
            candidate = Candidate(outcomes.backbone, outcomes.codec, head, outcomes.selection)
            name = parse(head).name
            of_first_codec = name in HEADS and HEADS[name].trains_network
            known = (outcomes.backbone, outcomes.codec, head) in unsuited or of_first_codec
            if candidate not in there and not known:
                missing.append(candidate)
    return missing


def _same_for_all_draws(at: Measured, budget: str) -> bool:
    """Whether a head without chance ran once on all labels, which every draw holds."""
    return budget == "all" and at.repeats == (0,)


def _cost(candidate: Candidate, budget: str, rows: pd.DataFrame) -> Cost:
    mine = rows[
        (rows["backbone"] == candidate.backbone)
        & (rows["codec"] == candidate.codec)
        & (rows["head"] == candidate.head)
        & (rows["selection"] == candidate.selection)
        & (rows["budget"] == budget)
    ]
    macs = mine["backbone_macs"].dropna()
    work = int(macs.iloc[0]) if len(macs) else None
    timed = mine[mine["fit_s"].notna()]
    if timed.empty:
        return Cost(None, None, work)
    row = timed.iloc[0]
    choosing_s = 0.0 if pd.isna(row["select_s"]) else float(row["select_s"])
    return Cost(choosing_s + float(row["fit_s"]), float(row["predict_s"]) / int(row["n_test"]), work)


def matches(candidate: Candidate, backbone: str | None, codec: str | None, head: str | None) -> bool:
    """Whether it is the backbone, codec and head that are asked for, as far as any are."""
    return (
        (head is None or str(parse(head)) == candidate.head)
        and (codec is None or " | ".join(map(str, parse_chain(codec))) == candidate.codec)
        and (backbone is None or shown_name(parse(backbone)) == candidate.backbone)
    )
