"""The commands: parse, call, print."""

from __future__ import annotations

import inspect
import os
import sys
import types
import typing
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from embedkit.console import Console
from embedkit.errors import EmbedkitError
from embedkit.study import Study, built_in_study, make_study, read_study

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Which head should sit on your CNN embeddings, and from how many labels on does a fully connected one win?",
    epilog="With --debug anywhere, errors show their traceback.",
)


def main() -> None:
    """Run a command; mistakes are told in a line or two, without a traceback."""
    debug = "--debug" in sys.argv
    try:
        app([argument for argument in sys.argv[1:] if argument != "--debug"])
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except EmbedkitError as error:
        _stop(str(error), 2, debug)
    except MemoryError:
        _stop("out of memory; finished trials are kept: run the same command again with fewer --jobs", 1, debug)
    except Exception as error:
        _stop(f"{type(error).__name__}: {error}\nThis is a defect of embedkit; --debug shows where.", 1, debug)


def _stop(message: str, status: int, debug: bool) -> NoReturn:
    if debug:
        raise  # noqa: PLE0704
    print(f"error: {message}", file=sys.stderr)
    sys.exit(status)


def _run(datasets: list[str], dry_run: bool, **flags: Any) -> None:
    """Compare heads on embeddings of images, for few and many labels.

    DATASETS are names (embedkit list datasets), folders of images, specs, or one study file (.toml).
    Without any, the built-in study runs. Every option is a key of study files; options win over the file.
    """
    from embedkit.report.text import summary_text

    given = {key: value for key, value in flags.items() if value is not None}
    if datasets and datasets[0].endswith(".toml"):
        if len(datasets) > 1:
            raise EmbedkitError("give one study file, or data sets; not both")
        study = make_study(datasets[0], **read_study(datasets[0]) | given)
    elif datasets:
        study = make_study("embedkit run", datasets=datasets, **given)
    else:
        study = make_study("embedkit run", **built_in_study() | given)
    raise typer.Exit(_run_and_report(study, Console(), dry_run, summary_text))


def _run_and_report(study: Study, console: Console, dry_run: bool, as_text: Any) -> int:
    """Run, print the tables, write the report; returns the exit status: 1 where a trial failed."""
    try:
        from embedkit.experiment import run_study
        from embedkit.plan import make_plan
        from embedkit.report.page import write_report
        from embedkit.report.summary import summarise

        plan = make_plan(study, console)
        folder = run_study(plan, console, dry_run)
        if dry_run:
            return 0
        summary = summarise(folder, study.score, [trial.key() for trial in plan.trials])
        console.say(f"\n{as_text(summary)}\n")
        report = write_report(folder, summary)
    except KeyboardInterrupt:
        console.say(f"\nstopped; finished trials are kept in {study.folder}: the same command goes on from there")
        return 130
    console.say(f"rows and predictions: {folder / 'results.sqlite'}\nreport: {report}")
    failed = int((summary.rows["status"] == "failed").sum())
    if failed:
        console.say(f"{failed} trials failed; the same command tries them again")
    return 1 if failed else 0


def _flags() -> list[inspect.Parameter]:
    """One option for each key of a study."""
    parameters = []
    for name, field in Study.model_fields.items():
        if name == "datasets":
            continue
        kind: Any = {bool: bool, int: int}.get(_bare(field.annotation), list[str] if _is_list(field.annotation) else str)
        option = typer.Option(help=field.description, show_default=False)
        annotation = Annotated[kind | None, option]
        parameters.append(inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation))
    return parameters


def _bare(annotation: Any) -> Any:
    return annotation


def _is_list(annotation: Any) -> bool:
    return tuple in [typing.get_origin(part) for part in (annotation, *typing.get_args(annotation))]


def _command(function: Any, flags: list[inspect.Parameter]) -> Any:
    """The function with these options in place of its ``**flags``, as typer reads them."""
    own = [
        inspect.Parameter("datasets", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=Annotated[list[str] | None, typer.Argument(help="data sets, or a study file", show_default=False)], default=None),
        inspect.Parameter("dry_run", inspect.Parameter.KEYWORD_ONLY, annotation=Annotated[bool, typer.Option("--dry-run", help="say what would be done, and stop")], default=False),
    ]
    command = types.FunctionType(function.__code__, function.__globals__, name="run")
    return command, own
