"""Where two sets of results come from: versions, machines and settings, as far as they differ."""

from __future__ import annotations

from typing import Any

from embedkit.errors import counted
from embedkit.results import load_runs
from embedkit.side_by_side.pairs import Side

NO_SETTINGS = ("datasets", "backbones", "codecs", "heads", "budgets", "name", "out", "labels", "controls", "trust_code")
"""Keys of a study that trials themselves show, or that decide nothing."""


def origin_lines(a: Side, b: Side) -> list[str]:
    """A line for each side, with what it does not share with the other; a third one where they share all."""
    facts = [_facts(side) for side in (a, b)]
    differ = [name for name in dict.fromkeys([*facts[0], *facts[1]]) if facts[0].get(name) != facts[1].get(name)]
    folders = [str(side.folder) for side in (a, b)]
    width = max(map(len, folders))
    lines = [
        f"{letter}  {folder.ljust(width)}  "
        + "; ".join([counted(len(side.rows), "trial"), *(f"{name} {own.get(name, '-')}" for name in differ)])
        for letter, folder, side, own in zip("AB", folders, (a, b), facts, strict=True)
    ]
    return lines if differ else [*lines, "   the same versions, machine and settings"]


def _facts(side: Side) -> dict[str, str]:
    """What the runs behind the trials of a side say, a text for each fact."""
    used = set(side.rows["run_id"])
    found: dict[str, dict[str, None]] = {}
    for run in load_runs(side.folder):
        if run["run_id"] in used:
            for name, value in _facts_of_run(run).items():
                found.setdefault(name, {})[value] = None
    return {name: " and ".join(values) for name, values in found.items()}


def _facts_of_run(run: dict[str, Any]) -> dict[str, str]:
    facts = dict(run.get("versions", {}))
    facts |= {name: run.get(name) for name in ("system", "processor", "cores", "device", "gpu", "jobs")}
    libraries = [
        " ".join(str(library[name]) for name in ("internal_api", "version", "architecture") if library.get(name))
        for library in run.get("thread_libraries", [])
    ]
    facts["libraries"] = ", ".join(sorted(set(libraries)))
    facts |= run.get("environment", {})
    study = run.get("study", {})
    facts |= {name: study[name] for name in study if name not in NO_SETTINGS and name not in facts}
    return {name: str(value) for name, value in facts.items() if value is not None}
