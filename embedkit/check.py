"""Looking a data set over before anything is computed on it: counts, unreadable images, copies, near copies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from embedkit.console import Console
from embedkit.datasets import Dataset, cards, dataset_spec
from embedkit.datasets.near import ONE_LEVEL_MAX, SIDE, near_pairs, shows_enough, thumbnail
from embedkit.datasets.scan import AHEAD, pixels_sha256
from embedkit.engines import in_order
from embedkit.errors import Unreadable, counted, listing
from embedkit.opening import opened

PAIRS_SHOWN = 20


def check_dataset(text: str, labels: str | None, console: Console, everything: bool = False) -> bool:
    """Say what a data set holds; whether it is sound.

    It is not where images are unreadable, images to train on are in test too (they are dropped), copies have different
    labels, or the counts are not those of the data set's card. Near duplicates are listed for the user to judge.

    Raises
    ------
    EmbedkitError
        Where it cannot be opened at all.
    """
    spec = dataset_spec(text, labels)
    try:
        dataset = opened(text, spec, "auto", console)
    except Unreadable as error:
        for path, reason in error.problems:
            console.say(f"  unreadable: {path} ({reason})")
        unreadable = counted(len(error.problems), "unreadable image")
        console.say(f"not sound: {unreadable}, too many to look further; mend or remove them")
        return False
    console.say(f"{dataset.name}: {counted(len(dataset), 'image' if dataset.vectors is None else 'vector')}")
    for line in _counts(dataset):
        console.say(f"  {line}")
    problems = [counted(len(dataset.unreadable), "unreadable image")] if dataset.unreadable else []
    for path, reason in dataset.unreadable:
        console.say(f"  unreadable: {path} ({reason})")
    problems += _copies(dataset, console, everything)
    problems += _unlike_card(dataset, cards().get(spec.name, {}))
    console.say("sound" if not problems else f"not sound: {'; '.join(problems)}")
    return not problems


def _counts(dataset: Dataset) -> list[str]:
    """A table of how many images each class and split has."""
    splits = [split for split in ("train", "test", "") if (dataset.splits == split).any()]
    classes = dataset.classes if dataset.task == "classification" else ("with a number",)
    rows = [(name, dataset.labels == at) for at, name in enumerate(classes)]
    rows += [("(no label)", dataset.labels < 0)] if (dataset.labels < 0).any() else []
    rows.append(("all", np.ones(len(dataset), dtype=bool)))
    wide = max(len(name) for name, _ in rows)
    lines = [f"{'':{wide}}" + "".join(f"{split or '(no split)':>12}" for split in splits)]
    for name, chosen in rows:
        cells = "".join(f"{np.count_nonzero(chosen & (dataset.splits == split)):>12}" for split in splits)
        lines.append(f"{name:{wide}}{cells}")
    return lines


def _copies(dataset: Dataset, console: Console, everything: bool) -> list[str]:
    """Say which images are the same or nearly so; what of it is not sound."""
    problems = []
    if dataset.dropped:
        console.say(f"  in train and in test, dropped from train: {listing([image for image, _ in dataset.dropped])}")
        told = counted(len(dataset.dropped), "image to train on is", "images to train on are")
        problems.append(f"{told} in test too")
    pixels, compared, thumbnails = _looked_at(dataset, console)
    same = np.unique(np.array(pixels), return_inverse=True)[1]
    labelled = dataset.labels >= 0
    answers = np.unique(np.stack([same[labelled], dataset.truth[labelled]]), axis=1)
    contradictory = int((np.bincount(answers[0].astype(int)) > 1).sum())
    console.say(f"  exact duplicates left, each on one side of every split: {len(same) - len(np.unique(same))}")
    if contradictory:
        problems.append(f"{counted(contradictory, 'image')} with copies of another label")
    if dataset.vectors is not None:
        return problems
    if len(compared) < len(dataset):
        left_out = counted(len(dataset) - len(compared), "image")
        console.say(
            f"  not compared for near duplicates: {left_out} with a side below {SIDE} pixels or more than "
            f"{ONE_LEVEL_MAX:.0%} of one grey level, which shows little but an outline"
        )
    pairs = compared[near_pairs(thumbnails)]
    pairs = pairs[same[pairs[:, 0]] != same[pairs[:, 1]]]
    tested = dataset.splits == "test"
    crossing = tested[pairs[:, 0]] != tested[pairs[:, 1]]
    across = f", {np.count_nonzero(crossing)} of them across train and test" if tested.any() else ""
    console.say(f"  near duplicates: {counted(len(pairs), 'pair')}{across}")
    ordered = np.concatenate([pairs[crossing], pairs[~crossing]])
    for a, b in ordered if everything else ordered[:PAIRS_SHOWN]:
        where = "train and test" if tested[a] != tested[b] else ""
        console.say(f"    {dataset.ids[a]}  {dataset.ids[b]}  {where}".rstrip())
    if len(ordered) > PAIRS_SHOWN and not everything:
        console.say(f"    and {len(ordered) - PAIRS_SHOWN} more (--all lists them)")
    return problems


def _looked_at(dataset: Dataset, console: Console) -> tuple[list[str], np.ndarray, np.ndarray]:
    """sha256 of the pixels of each image; which show enough to be compared, and their thumbnails: of vectors none."""
    blank = np.zeros((0, SIDE, SIDE), dtype=np.uint8)
    if dataset.vectors is not None:
        return [pixels_sha256(row) for row in dataset.vectors], np.zeros(0, dtype=np.int64), blank

    def look(i: int) -> tuple[str, np.ndarray | None]:
        image = dataset.image(i)
        small = thumbnail(image)
        return pixels_sha256(image), small if shows_enough(image, small) else None

    digests, thumbnails = [], {}
    with console.stage("looking for copies", len(dataset)) as advance:
        for i, (digest, small) in enumerate(in_order(look, range(len(dataset)), AHEAD)):
            digests.append(digest)
            if small is not None:
                thumbnails[i] = small
            advance(len(digests), f"{len(digests)} of {len(dataset)} images")
    kept = np.stack([*thumbnails.values()]) if thumbnails else blank
    return digests, np.array([*thumbnails], dtype=np.int64), kept


def _unlike_card(dataset: Dataset, card: Mapping[str, Any]) -> list[str]:
    """Where the counts, with what was left out, are not those of the card."""
    left_out = [split for _, split in dataset.dropped]
    found = {
        "images": len(dataset) + len(dataset.unreadable) + len(left_out),
        "train": int((dataset.splits == "train").sum()) + left_out.count("train"),
        "test": int((dataset.splits == "test").sum()),
        "classes": len(dataset.classes),
    }
    return [
        f"{found[kind]} {kind}, but its card says {card[kind]}"
        for kind in found
        if kind in card and card[kind] != found[kind]
    ]
