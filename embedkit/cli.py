"""The commands: parse, call, print."""

from __future__ import annotations

import inspect
import os
import signal
import sys
import typing
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from embedkit import catalogue, decide_cli, engines, pretrain_cli, results, results_cli, store_cli
from embedkit.console import Console
from embedkit.distance.request import DistanceRequest, make_distance_request
from embedkit.errors import EmbedkitError, counted
from embedkit.request import Asked, Request
from embedkit.side_by_side.references import PART, asked_again
from embedkit.study import BUILT_IN, Study, make_study, read_study, shipped_studies

if TYPE_CHECKING:
    import pandas as pd

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Which head should sit on your CNN embeddings, and from how many labels on does a fully connected one win?",
    epilog="With --debug anywhere, errors show their traceback.",
)


def main() -> None:
    """Run a command; mistakes are told in a line or two, without a traceback."""
    debug = "--debug" in sys.argv
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # threads that spin crawl where other work runs beside them
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
        raise
    print(f"error: {message}", file=sys.stderr)
    sys.exit(status)


def run(datasets: list[str] | None, dry_run: bool, **flags: Any) -> None:
    """Compare heads on embeddings of images, for few and many labels.

    DATASETS are names (embedkit list datasets), folders of images, specs, or one study: a file (.toml), or one that
    comes with embedkit (embedkit list studies); without any, the built-in study runs. Every option is a key of study
    files; options win over the file. The same command again goes on where it was stopped.
    """
    given = {key: value for key, value in flags.items() if value is not None}
    studies = [text for text in datasets or (BUILT_IN,) if text.endswith(".toml") or text in shipped_studies()]
    if datasets and studies and datasets != studies[:1]:
        raise EmbedkitError("give one study, or data sets, not both; the study's key 'datasets' names them")
    if studies:
        study = make_study(studies[0] if datasets else "embedkit run", **read_study(studies[0]) | given)
    else:
        study = make_study("embedkit run", datasets=datasets, **given)
    raise typer.Exit(_stoppable(_run_and_report, study, dry_run))


def _stoppable(work: Callable[[Asked, bool], int], request: Asked, dry_run: bool) -> int:
    """Do the work on a request; returns its exit status, or that of being stopped."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends like Ctrl-C: rows are kept, workers end
    if dry_run:
        from embedkit.opening import stop_if_absent

        stop_if_absent(request.datasets, request.labels)
    try:
        if not dry_run and not (request.folder / results.FILE).exists():  # else there may be nothing left to do
            engines.warm_up(request.jobs)  # torch takes seconds to load, here and there at once
        return work(request, dry_run)
    except KeyboardInterrupt:
        print(
            f"\nstopped; finished trials are kept in {request.folder}: the same command goes on from there",
            file=sys.stderr,
        )
        return 130


def _run_and_report(study: Study, dry_run: bool) -> int:
    """Run, print the tables, write the report; returns the exit status: 1 where a trial failed."""
    from embedkit.experiment import run_study
    from embedkit.plan import make_plan

    console = Console()
    plan = make_plan(study, console)
    folder = run_study(plan, console, dry_run)
    if dry_run:
        return 0
    from embedkit.report.materials import materials_of
    from embedkit.report.page import write_report
    from embedkit.report.summary import summarise
    from embedkit.report.text import summary_text

    summary = summarise(folder, study.score, [trial.key() for trial in plan.trials])
    console.say(f"\n{summary_text(summary)}\n")
    report = write_report(folder, summary, materials_of(plan))
    console.say(f"report: {report}\nrows and predictions: {folder / 'results.sqlite'}  (embedkit export {folder})")
    return _count_failed(summary.rows, "trial", console)


def _count_failed(rows: pd.DataFrame, noun: str, console: Console) -> int:
    """Say how many rows are there to be tried again; returns the exit status."""
    failed = int((rows["status"] == "failed").sum())
    if failed:
        it = "failed; the same command tries"
        console.say(f"{counted(failed, f'{noun} {it} it', f'{noun}s {it} them')} again")
    return 1 if failed else 0


def distances(datasets: list[str], dry_run: bool, **flags: Any) -> None:
    """Compare distances between embeddings, without any head: pairs, retrieval and few-shot episodes, by metric.

    DATASETS are names (embedkit list datasets), folders of images, or specs. Rows go where those of embedkit run on the
    same data sets go. The same command again goes on where it was stopped.
    """
    given = {key: value for key, value in flags.items() if value is not None}
    request = make_distance_request("embedkit distances", datasets=datasets, **given)
    raise typer.Exit(_stoppable(_compare_and_report, request, dry_run))


def _compare_and_report(request: DistanceRequest, dry_run: bool) -> int:
    """Compare, print the tables; returns the exit status: 1 where a comparison failed."""
    from embedkit.distance.experiment import run_distances
    from embedkit.distance.plan import plan_distances

    console = Console()
    plan = plan_distances(request, console)
    folder = run_distances(plan, console, dry_run)
    if dry_run:
        return 0
    from embedkit.report.distances import distance_rows, distances_text

    rows = distance_rows(folder, [comparison.key() for comparison in plan.comparisons])
    console.say(f"\n{distances_text(rows)}\n\nrows: {folder / 'results.sqlite'}  (embedkit export {folder})")
    return _count_failed(rows, "comparison", console)


def verify_reference(name: str, dry_run: bool, **flags: Any) -> None:
    """Run a study that comes with embedkit again, and judge by it the results that come with embedkit, trial by trial.

    Options take a part of it, whose trials are those of the whole. Label draws and test images must be the same, heads
    without chance give at least 99.5% equal predictions, others differ by no more than 1 point, interval and all. The
    exit status is 0 where that is so, 1 where it is not, and 3 where it cannot be decided. The same command again goes
    on where it was stopped.
    """
    study = asked_again(name, {key: value for key, value in flags.items() if value is not None})
    raise typer.Exit(_stoppable(_rerun_and_judge, study, dry_run))


def _rerun_and_judge(study: Study, dry_run: bool) -> int:
    """Run, judge and print; returns the exit status."""
    from embedkit.experiment import run_study
    from embedkit.rerun import by_machine, plan_rerun, rerun
    from embedkit.side_by_side.judgement import judge
    from embedkit.side_by_side.judgement_text import STATUS, ending, judgement_text

    console = Console()
    plan, reference = plan_rerun(study, console)
    if dry_run:
        run_study(plan, console, dry_run)
        return 0
    made = rerun(plan, console)
    cells = judge(made, reference, by_machine(plan))
    console.say(f"\n{judgement_text(made, reference, cells, results_cli.width())}")
    return STATUS[ending(cells)]


def _options(model: type[Request], helps: Mapping[str, str | None]) -> list[inspect.Parameter]:
    """One option for each of these keys of a request."""
    options = []
    for name, told in helps.items():
        field = model.model_fields[name]
        kinds = {field.annotation, *map(typing.get_origin, (field.annotation, *typing.get_args(field.annotation)))}
        kind: Any = bool if bool in kinds else list[str] if tuple in kinds else str
        annotation = Annotated[kind | None, typer.Option(help=told, show_default=False)]
        options.append(inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation))
    return options


def _add_command(
    function: Callable[..., None], model: type[Request], first: inspect.Parameter, helps: Mapping[str, str | None]
) -> None:
    """Make a function that takes an argument, --dry-run and keys of a request a command."""
    dry_run = inspect.Parameter(
        "dry_run",
        inspect.Parameter.KEYWORD_ONLY,
        default=False,
        annotation=Annotated[bool, typer.Option("--dry-run", help="say what would be done, and stop")],
    )
    function.__signature__ = inspect.Signature([first, *_options(model, helps), dry_run])  # type: ignore[attr-defined]
    app.command()(function)


def _argument(name: str, kind: Any, default: Any = inspect.Parameter.empty) -> inspect.Parameter:
    annotation = Annotated[kind, typer.Argument(show_default=False)]
    return inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=default, annotation=annotation)


def _all_keys(model: type[Request]) -> dict[str, str | None]:
    """What the keys of a request mean, but for the data sets, which are arguments."""
    return {name: field.description for name, field in model.model_fields.items() if name != "datasets"}


_add_command(run, Study, _argument("datasets", list[str] | None, None), _all_keys(Study))
_add_command(distances, DistanceRequest, _argument("datasets", list[str]), _all_keys(DistanceRequest))
_add_command(verify_reference, Study, _argument("name", str), PART)


app.add_typer(store_cli.app, name="store")
app.command()(pretrain_cli.pretrain)
app.command()(results_cli.table)
app.command()(results_cli.compare)
app.command()(results_cli.asv_table)
app.command()(decide_cli.recommend)
app.command()(decide_cli.fit)
app.command()(decide_cli.predict)


@app.command("list")
def list_members(
    kind: Annotated[
        str | None,
        typer.Argument(help="datasets, backbones, codecs, heads, metrics or layers; default: all", show_default=False),
    ] = None,
    backbone: Annotated[str | None, typer.Argument(help="whose layers, such as resnet18", show_default=False)] = None,
    trust_code: Annotated[bool, typer.Option("--trust-code", help="run the file of module(path=...)")] = False,
) -> None:
    """What there is: names, what they are, and their parameters with defaults; or the layers of a network."""
    if (kind == "layers") != (backbone is not None):
        raise EmbedkitError("layers are those of one backbone: embedkit list layers resnet18")
    print(catalogue.text(kind) if backbone is None else catalogue.layers_text(backbone, trust_code))


@app.command()
def check(
    dataset: Annotated[str, typer.Argument(help="a name, a folder or file of images, or a spec", show_default=False)],
    labels: Annotated[
        str | None, typer.Option(help="a CSV file: path,label[,group][,split]", show_default=False)
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="list every near duplicate, not the first ones")] = False,
) -> None:
    """Look at every image of a data set: counts, unreadable files, copies and near copies.

    The exit status is 0 where it is sound, and 1 where images are unreadable, images to train on are in test too,
    copies have different labels, or the counts are not those of its card.
    """
    from embedkit.check import check_dataset

    raise typer.Exit(0 if check_dataset(dataset, labels, Console(), everything) else 1)


@app.command()
def report(
    folder: Annotated[str, typer.Argument(help="a results folder, such as results/default", show_default=False)],
) -> None:
    """Write the page again, of all results in a folder; with pictures where the images are still there."""
    from embedkit.report.reopened import rewrite_report

    print(f"report: {rewrite_report(Path(folder), Console())}")


@app.command()
def plot(
    folder: Annotated[str, typer.Argument(help="a results folder, such as results/default")],
    out: Annotated[str, typer.Option(help="where the files go")] = "figures",
) -> None:
    """Write every figure of a study as SVG and PNG."""
    from embedkit.report.figure_files import write_figures

    for file in write_figures(Path(folder), Path(out)):
        print(file)


@app.command()
def export(
    folder: Annotated[str, typer.Argument(help="a results folder, such as results/default")],
    out: Annotated[str | None, typer.Option(help="where the files go; default: the folder itself")] = None,
    predictions: Annotated[bool, typer.Option("--predictions", help="also every prediction, as CSV")] = False,
) -> None:
    """Write results as rows.csv and tables.md."""
    from embedkit.report.export import write_export

    for file in write_export(Path(folder), Path(out or folder), predictions):
        print(file)
