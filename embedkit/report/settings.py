"""Command, settings, versions, machine and hashes behind a report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from embedkit.errors import counted
from embedkit.report import html


def settings_section(runs: Sequence[dict[str, Any]], rows: pd.DataFrame) -> str:
    """Facts about the last run, and hashes of the data and test sets that the rows rest on."""
    run = [run for run in runs if "study" in run][-1]
    versions = ", ".join(f"{name} {version}" for name, version in run["versions"].items())
    machine = f"{run['processor']}, {run['cores']} cores, {run['memory_gib']} GiB, {run['system']}"
    kernels = ", ".join(
        f"{library['internal_api']} {library['version'] or ''} {library['architecture'] or ''}".strip()
        for library in run["thread_libraries"]
    )
    facts = [
        ("command", run["command"]),
        ("started", f"{run['started']}, run {run['run_id']} of {len(runs)} in this folder"),
        ("machine", machine),
        ("device", f"{run['device']} {run['gpu'] or ''}".strip() + f", {counted(run['jobs'], 'worker')}"),
        ("versions", versions),
        ("thread libraries", kernels),
        *((key, _written(value)) for key, value in run["study"].items()),
        *_hashes(rows),
    ]
    return html.section("Settings and machine", html.table(None, facts), "settings", closed=True)


def _hashes(rows: pd.DataFrame) -> list[tuple[str, str]]:
    """sha256 of data and protocol of each data set, and of its test images where these are always the same."""
    facts = []
    for dataset, here in rows.groupby("dataset"):
        tests = here["test_sha256"].dropna().unique()
        tested = f", test images {tests[0]}" if len(tests) == 1 else ""
        facts.append((f"sha256 of {dataset}", f"data and protocol {here['data_sha256'].iloc[-1]}{tested}"))
    return facts


def _written(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
