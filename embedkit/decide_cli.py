"""The commands that end in a decision: ``embedkit recommend``, ``embedkit fit`` and ``embedkit predict``."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Literal

import typer

from embedkit.console import Console
from embedkit.errors import counted, listing

PROBLEMS_SHOWN = 20


def recommend(
    results: Annotated[str, typer.Argument(help="a results folder, such as results/photos", show_default=False)],
    max_fit_seconds: Annotated[
        float | None, typer.Option(help="leave out what took longer to choose parameters and fit", show_default=False)
    ] = None,
    labels: Annotated[
        str | None,
        typer.Option(
            help='a budget of the study: 25 (per class; of numbers: in all), "200 total", all; default: the largest',
            show_default=False,
        ),
    ] = None,
) -> None:
    """Which backbone and head to take, how sure that is, and what more labels would bring."""
    from embedkit.decide.pipeline import located_backbone
    from embedkit.decide.recommendation import recommend as recommended

    found = recommended(results, labels=labels, max_fit_seconds=max_fit_seconds)
    print("\n\n".join(map(str, found)))
    command = ["embedkit", "fit", _only_dataset(results) or "DATASET", "--from", results]
    if len(found) == 1 and (labels is not None or max_fit_seconds is not None):
        taken = found[0].candidate
        backbone = str(located_backbone(taken.backbone, results))
        command += ["--backbone", backbone, "--codec", taken.codec, "--head", taken.head]
    print(f"\nfit it to all labels by: {shlex.join([*command, '--out', 'model'])}")


def _only_dataset(results: str) -> str:
    """The data set of a study as its user wrote it, where there is but one."""
    from embedkit.results import load_runs

    written = {text for run in load_runs(results) for text in run.get("study", {}).get("datasets") or ()}
    return written.pop() if len(written) == 1 else ""


def fit(
    dataset: Annotated[str, typer.Argument(help="a name, a folder or file of images, or a spec", show_default=False)],
    out: Annotated[Path, typer.Option(help="a new folder for the model", show_default=False)],
    results: Annotated[
        str | None, typer.Option("--from", help="results whose recommendation is fitted", show_default=False)
    ] = None,
    backbone: Annotated[str | None, typer.Option(help="fit this one", show_default=False)] = None,
    codec: Annotated[str | None, typer.Option(help="fit this one", show_default=False)] = None,
    head: Annotated[str | None, typer.Option(help="fit this one", show_default=False)] = None,
    labels: Annotated[
        str | None, typer.Option(help="a CSV file: path,label[,group][,split]", show_default=False)
    ] = None,
    task: Annotated[Literal["auto", "classification", "regression"], typer.Option(help="as in embedkit run")] = "auto",
    device: Annotated[str, typer.Option(help="auto, cpu or cuda, for the backbone")] = "auto",
    trust_code: Annotated[bool, typer.Option("--trust-code", help="run the file of module(path=...)")] = False,
) -> None:
    """Fit what a study recommends, or what is written, to all labelled images, those to test on among them.

    The model is a folder of JSON, safetensors and skops: it can be copied, and holds nothing that runs when it is read.
    """
    from embedkit.decide.fit import fit as fitted
    from embedkit.decide.head_file import check_installed
    from embedkit.decide.model_folder import check_new
    from embedkit.decide.words import model_text

    check_new(out)
    check_installed()
    model = fitted(
        dataset,
        results=results,
        backbone=backbone,
        codec=codec,
        head=head,
        labels=labels,
        task=task,
        device=device,
        trust_code=trust_code,
        verbose=True,
    )
    model.save(out)
    print(f"\n{model_text(model.about)}\nmodel: {out}  (embedkit predict {shlex.quote(str(out))} IMAGES)")


def predict(
    model: Annotated[Path, typer.Argument(help="a folder that embedkit fit wrote", show_default=False)],
    images: Annotated[str, typer.Argument(help="a folder or file of images, or a data set", show_default=False)],
    out: Annotated[Path, typer.Option(help="a file that ends in .csv or .parquet")] = Path("predictions.csv"),
    force: Annotated[bool, typer.Option("--force", help="replace the file")] = False,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda, for the backbone")] = "auto",
    trust_code: Annotated[bool, typer.Option("--trust-code", help="run the file of module(path=...)")] = False,
) -> None:
    """Say of each image what class or number it is, how sure that is, and which labelled images are nearest.

    The exit status is 1 where an image cannot be read; the others are predicted.
    """
    import pandas as pd

    from embedkit.decide.model_folder import load_model
    from embedkit.decide.prediction_file import check_writable, write_predictions
    from embedkit.decide.sources import source_of
    from embedkit.plan import chosen_device

    check_writable(out, force)
    on, console = chosen_device(device), Console()
    fitted = load_model(model, trust_code=trust_code)
    for notice in fitted.notices:
        console.say(f"note: {notice}")
    source = source_of(images)
    with console.stage(f"predicting {counted(len(source.ids), 'image')}", len(source.ids)) as advance:
        rows = pd.concat(list(fitted.predictions(source, on, advance)), ignore_index=True)
    write_predictions(rows, out)
    broken = rows[rows["problem"] != ""]
    by_problem = list(broken.groupby("problem", sort=False)["path"])
    for problem, paths in by_problem[:PROBLEMS_SHOWN]:
        more = f" and {counted(len(paths) - 1, 'other image')}" if len(paths) > 1 else ""
        console.say(f"no prediction: {paths.iloc[0]}{more}: {problem}")
    if len(by_problem) > PROBLEMS_SHOWN:
        console.say(f"no prediction: {len(by_problem) - PROBLEMS_SHOWN} other problems, in the column problem of {out}")
    sound = rows[rows["problem"] == ""]
    if fitted.classes and len(sound):
        counts = sound["class"].value_counts()
        console.say(f"classes: {listing([f'{name} {n}' for name, n in counts.items()], most=12)}")
    if len(sound):
        console.say(f"far from all labelled images: {int(sound['far'].sum())} of {len(sound)}")
    console.say(f"predictions: {out}")
    raise typer.Exit(1 if len(broken) else 0)
