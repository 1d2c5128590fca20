"""The commands on stored embeddings: ``embedkit store list | size | verify | prune | export``."""

from __future__ import annotations

import math
import shutil
import sys
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from embedkit import artefacts
from embedkit.embeddings import exports, maintenance, store
from embedkit.embeddings.inventory import KEY_SHOWN, Entry, entries, find
from embedkit.errors import EmbedkitError, counted
from embedkit.pool_inventory import KINDS, pool_entries, remove

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Look after the embeddings that are stored.")

_KEYS = typer.Argument(help="keys, or how they begin; default: all", show_default=False)


@app.command("list")
def list_entries() -> None:
    """What is stored: keys, what they hold, and how much of it is there."""
    found = entries()
    if not found:
        print(f"nothing is stored in {artefacts.cache() / 'embeddings'}")
        return
    lines = [("key", "made", "rows", "width", "precision", "size", "state", "dataset, backbone"), *map(_line, found)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


@app.command()
def size() -> None:
    """How much room embeddings, encoders and other things made of pools take, and how much is left."""
    found = entries()
    folder = artefacts.cache() / "embeddings"
    print(f"{folder}: {counted(len(found), 'embedding')}, {_size(sum(entry.nbytes for entry in found))}")
    for state in dict.fromkeys(entry.state for entry in found):
        some = [entry for entry in found if entry.state == state]
        print(f"  {state}: {counted(len(some), 'embedding')}, {_size(sum(entry.nbytes for entry in some))}")
    others = pool_entries()
    for kind, names in KINDS.items():
        if some_of := [entry for entry in others if entry.kind == kind]:
            print(f"{counted(len(some_of), *names)}: {_size(sum(entry.nbytes for entry in some_of))}")
    if artefacts.cache().is_dir():
        print(f"free: {_size(shutil.disk_usage(artefacts.cache()).free)}")


@app.command()
def verify(
    keys: Annotated[list[str] | None, _KEYS] = None,
    remove: Annotated[bool, typer.Option("--remove", help="remove what is damaged; it is then made again")] = False,
) -> None:
    """Read every byte and compare it with its checksum; exit status 1 where something is damaged."""
    any_left = False
    chosen = _chosen(keys)
    if not chosen:
        print("nothing to verify")
    for entry in chosen:
        name = f"{entry.key[:KEY_SHOWN]} ({entry.dataset}, {entry.backbone})"
        if entry.state == "old":
            print(f"{name}: of another store format, which is not read any more; embedkit store prune removes it")
            continue
        started = time.perf_counter()
        damage, nbytes = maintenance.verify(entry.key)
        took_s = time.perf_counter() - started
        if not damage:
            print(f"{name}: {entry.state}, sound; {_size(nbytes)} read at {_size(int(nbytes / took_s))} a second")
            continue
        print(f"{name}: {counted(len(damage), 'of its files is', 'of its files are')} damaged")
        for each in damage:
            print(f"  {each.file.name}: {each.what}")
        if remove:
            maintenance.remove_damaged(entry.key, damage)
            print("  removed; the run that uses these embeddings makes the missing shards again")
        else:
            any_left = True
            print(f"  embedkit store verify {entry.key[:KEY_SHOWN]} --remove removes what is damaged, to be made again")
    raise typer.Exit(1 if any_left else 0)


@app.command()
def prune(
    keys: Annotated[list[str] | None, typer.Argument(help="keys, or how they begin", show_default=False)] = None,
    older_than: Annotated[
        float | None, typer.Option(help="also what was made more than so many days ago", min=0, show_default=False)
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="say what would be removed, and stop")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
) -> None:
    """Remove embeddings: the KEYS given; without any, what is unfinished or of another store format.

    With --older-than also trained encoders, graphs and codecs of that age. What a process is making is left alone. What
    is removed is made again when it is next needed.
    """
    if keys and older_than is not None:
        raise EmbedkitError("give keys or --older-than, not both")
    chosen = _chosen(keys) if keys else [entry for entry in entries() if _is_prunable(entry, older_than)]
    others = [] if older_than is None else [entry for entry in pool_entries() if _is_aged(entry.made, older_than)]
    if not chosen and not others:
        print("nothing to remove")
        return
    for entry in chosen:
        print(f"{entry.key[:KEY_SHOWN]}  {entry.state}, {_size(entry.nbytes)}, {entry.dataset}, {entry.backbone}")
    for other in others:
        print(f"{other.path.stem[:KEY_SHOWN]}  {KINDS[other.kind][0]}, {_size(other.nbytes)}")
    counts = [counted(len(chosen), "embedding")] if chosen else []
    counts += [counted(n, *KINDS[kind]) for kind in KINDS if (n := sum(other.kind == kind for other in others))]
    total = f"{', '.join(counts)}, {_size(sum(each.nbytes for each in chosen) + sum(each.nbytes for each in others))}"
    if dry_run:
        print(f"would remove {total}")
        return
    if not yes and not _agreed(f"remove {total}? [y/N] "):
        print("nothing was removed")
        return
    for entry in chosen:
        maintenance.remove(entry)
    for other in others:
        remove(other)
    print(f"removed {total}")


@app.command()
def export(
    key: Annotated[str, typer.Argument(help="a key, or how it begins")],
    file: Annotated[Path, typer.Argument(help="rows.npy or rows.parquet")],
    force: Annotated[bool, typer.Option("--force", help="replace a file that is there")] = False,
) -> None:
    """Write the rows of one key, in the order of the images, as .npy or, with the ids of the images, as Parquet."""
    entry = find(key)
    n, d = exports.export(entry.key, file, force)
    print(f"{file}: {counted(n, 'row')} of {counted(d, 'number')}, {_size(file.stat().st_size)}")
    if file.suffix == ".parquet" and store.read_ids(entry.key) is None:
        print("without the ids of the images, which were not kept when these embeddings were made")


def _line(entry: Entry) -> tuple[str, ...]:
    rows = f"{entry.rows:,} of {entry.of_rows:,}" if entry.of_rows > entry.rows else f"{entry.rows:,}"
    what = f"{entry.dataset}, {entry.backbone}"
    made, size = f"{entry.made:%Y-%m-%d %H:%M}", _size(entry.nbytes)
    return entry.key[:KEY_SHOWN], made, rows, str(entry.width), entry.precision, size, entry.state, what


def _chosen(keys: Sequence[str] | None) -> list[Entry]:
    return list({entry.key: entry for entry in map(find, keys)}.values()) if keys else entries()


def _is_prunable(entry: Entry, older_than: float | None) -> bool:
    if entry.state == "in progress":
        return False
    is_aged = older_than is not None and _is_aged(entry.made, older_than)
    return is_aged or entry.state in ("unfinished", "old")


def _is_aged(made: datetime, days: float) -> bool:
    return made < datetime.now() - timedelta(days=days)


def _agreed(question: str) -> bool:
    if not sys.stdin.isatty():
        raise EmbedkitError("nobody can be asked here; --yes removes without asking, --dry-run says what it would be")
    return input(question).strip().lower() in ("y", "yes")


def _size(nbytes: float) -> str:
    if nbytes < 1000:
        return f"{nbytes:.0f} bytes"
    power = min(int(math.log10(nbytes)) // 3, 3)
    return f"{nbytes / 1000**power:.1f} {('', 'kB', 'MB', 'GB')[power]}"
