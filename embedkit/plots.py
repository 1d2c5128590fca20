"""The figures of a study as altair charts, fit for a paper: from a results folder, or from a frame of its numbers.

from embedkit import plots
plots.save(plots.learning_curves("results/digits"), "curves.svg")
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import altair as alt
import pandas as pd
import vl_convert

from embedkit import artefacts
from embedkit.errors import EmbedkitError, counted
from embedkit.outcomes import FULLY_CONNECTED, Outcomes, read_outcomes, study_rows
from embedkit.report.details import Details, Where, read_details
from embedkit.report.figures.axes import BudgetScale
from embedkit.report.figures.choice import chosen
from embedkit.report.figures.confusion import confusion_frame, confusion_panel
from embedkit.report.figures.curves import curve_frame, curve_panel
from embedkit.report.figures.differences import difference_frame, difference_panel
from embedkit.report.figures.embedding_map import map_frame, map_panel
from embedkit.report.figures.pareto import COSTS, cost_frame, pareto_panel
from embedkit.report.figures.reliability import reliability_frame, reliability_panel
from embedkit.report.figures.style import for_paper, head_styles
from embedkit.report.figures.training import loss_panel
from embedkit.report.materials import stored_materials
from embedkit.results import iterate_predictions

Source: TypeAlias = str | Path | pd.DataFrame
"""A results folder, or the frame of numbers that a figure is made of."""


def learning_curves(source: Source, *, scale: BudgetScale = "log", **where: str) -> Any:
    """Scores by labels with 95% intervals: a panel for each family of heads, beside the fully connected ones.

    Parameters
    ----------
    source : str, Path or DataFrame
        A results folder, or rows of `curve_frame`.
    scale : {"log", "linear"}
        Of the labels.
    **where
        ``dataset`` (needed where there are several), ``embedding`` (default: the best), ``score`` (default: that of the
        tables), ``head``.

    Raises
    ------
    EmbedkitError
        Where there are no such rows.
    """
    curves = chosen(_frame(source, curve_frame), where)
    styles = head_styles(curves["head"])
    score = str(curves["score"].iloc[0])
    families = [name for name in dict.fromkeys(curves["family"]) if name != FULLY_CONNECTED]
    span = (float(curves["low"].min()), float(curves["high"].max()))
    panels = []
    for name in families or [FULLY_CONNECTED]:
        shown = curves[curves["family"].isin([name, FULLY_CONNECTED])]
        own = {head: style for head, style in styles.items() if head in set(shown["head"])}
        panels.append(curve_panel(shown, own, score, scale, span=span).properties(width=240, height=200, title=name))
    return for_paper(
        alt.concat(*panels, columns=3).resolve_scale(color="independent", shape="independent", strokeDash="independent")
    )


def differences(source: Source, **where: str) -> Any:
    """How much better heads are than the fully connected one on the same draws and images: a panel for each budget.

    Parameters are those of `learning_curves`; a frame holds rows of `difference_frame`.
    """
    found = chosen(_frame(source, lambda outcomes, rows: difference_frame(outcomes)), where)
    styles = head_styles(found["head"])
    score, reference = str(found["score"].iloc[0]), found["reference"].iloc[0]
    panels = [
        difference_panel(found[found["budget"] == budget], styles, score).properties(
            width=200, title=counted(int(budget), "label") if budget.isdigit() else budget
        )
        for budget in dict.fromkeys(found["budget"])
    ]
    return for_paper(alt.concat(*panels, columns=3, title=f"against {reference}"))


def pareto(source: Source, *, measure: str = "fit", **where: str) -> Any:
    """Scores against what heads cost, measured alone on one core at the largest budget.

    Parameters are those of `learning_curves`; `measure` is ``"fit"``, ``"choose"``, ``"predict"`` or ``"size"``, and a
    frame holds rows of `cost_frame`.
    """
    found = _frame(source, lambda outcomes, rows: cost_frame(curve_frame(outcomes, rows), rows))
    if measure not in COSTS:
        raise EmbedkitError(f"unknown measure {measure!r}; measures are {', '.join(COSTS)}")
    found = chosen(found[found["measure"] == measure], where)
    panel = pareto_panel(found, head_styles(found["head"]), str(found["score"].iloc[0]), measure)
    return for_paper(panel.properties(width=360, height=280))


def confusion(source: Source, **where: str) -> Any:
    """Which classes are taken for which, at the largest budget, over all repeats.

    Parameters
    ----------
    source : str, Path or DataFrame
        A results folder, or rows of `confusion_frame`.
    **where
        ``dataset``, ``embedding`` (default: the best), ``head`` (default: the best on it).
    """
    if isinstance(source, pd.DataFrame):
        found = source
    else:
        details, at = _detail(source, where)
        found = confusion_frame(details.confusions[at], details.classes[at[0]])
    side = 26 * max(3, found["truth"].nunique())
    return for_paper(confusion_panel(found).properties(width=side, height=side))


def reliability(source: Source, **where: str) -> Any:
    """Whether a head is right as often as it says, at the largest budget, over all repeats.

    Parameters are those of `confusion`; a frame holds rows of `reliability_frame`.
    """
    if isinstance(source, pd.DataFrame):
        found = source
    else:
        details, at = _detail(source, where)
        if at not in details.reliabilities:
            raise EmbedkitError(f"{at[2]} gives no probabilities")
        found = reliability_frame(details.reliabilities[at])
    return for_paper(reliability_panel(found).properties(width=260, height=260))


def embedding_map(source: Source, *, dataset: str | None = None, backbone: str | None = None) -> Any:
    """Test images by the two main directions of their embedding, which must be in the store.

    Parameters
    ----------
    source : str, Path or DataFrame
        A results folder, or points of `map_frame`.
    dataset, backbone : str, optional
        Needed where there are several data sets; default: the backbone of the best embedding.
    """
    if isinstance(source, pd.DataFrame):
        points = source
    else:
        rows, found = _read(source)
        best = _of_dataset(found, dataset)[-1]
        backbone = backbone or best.backbone
        key = stored_materials(rows).embeddings.get((best.dataset, backbone))
        if key is None:
            raise EmbedkitError(f"the store does not hold the embeddings of {best.dataset} by {backbone}")
        _, test, _ = next(iterate_predictions(source, {"dataset": best.dataset}))
        points, _ = map_frame(key, best, test.classes)
    return for_paper(map_panel(points, sorted(set(points.get("class", ())))).properties(width=420, height=360))


def losses(frame: pd.DataFrame) -> Any:
    """The loss of an encoder while it was trained: rows ``step, loss``, of `loss_frame`."""
    return for_paper(loss_panel(frame).properties(width=360, height=200))


def save(chart: Any, path: str | Path) -> None:
    """Write a chart as ``.svg``, ``.png`` (300 dpi) or ``.pdf``.

    Raises
    ------
    EmbedkitError
        Where the ending is another one, or the file cannot be written.
    """
    path = Path(path)
    spec = chart.to_dict()
    if path.suffix == ".svg":
        data = vl_convert.vegalite_to_svg(spec).encode()
    elif path.suffix == ".png":
        data = vl_convert.vegalite_to_png(spec, ppi=300)
    elif path.suffix == ".pdf":
        data = vl_convert.vegalite_to_pdf(spec)
    else:
        raise EmbedkitError(f"cannot save {path.name!r}; figures are saved as .svg, .png or .pdf")
    artefacts.write_atomically(path, data)


def _read(folder: str | Path) -> tuple[pd.DataFrame, list[Outcomes]]:
    rows = study_rows(Path(folder))
    return rows, read_outcomes(Path(folder), rows)


def _frame(source: Source, make: Callable[[list[Outcomes], pd.DataFrame], pd.DataFrame]) -> pd.DataFrame:
    if isinstance(source, pd.DataFrame):
        return source
    rows, found = _read(source)
    return make(found, rows)


def _of_dataset(found: Sequence[Outcomes], dataset: str | None) -> list[Outcomes]:
    names = list(dict.fromkeys(outcomes.dataset for outcomes in found))
    if dataset is None and len(names) > 1:
        raise EmbedkitError(f"several data sets; give dataset=, one of: {', '.join(names)}")
    these = [outcomes for outcomes in found if dataset in (None, outcomes.dataset)]
    if not these:
        raise EmbedkitError(f"no dataset {dataset!r} here; there are: {', '.join(names)}")
    return these


def _detail(folder: str | Path, where: dict[str, str]) -> tuple[Details, Where]:
    """Details of the study, and the data set, embedding and head that are asked for."""
    rows, found = _read(folder)
    curves = chosen(curve_frame(found, rows), where)
    last = curves[curves["budget"] == _of_dataset(found, curves["dataset"].iloc[0])[-1].budgets[-1]]
    best = last.sort_values("estimate").iloc[-1]
    return read_details(Path(folder), rows, found), (best["dataset"], best["embedding"], best["head"])
