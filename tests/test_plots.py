from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import embedkit as ek
from embedkit import plots, results
from embedkit.errors import EmbedkitError
from embedkit.report.figure_files import write_figures


def rows_of(chart: Any) -> list[dict[str, Any]]:
    return [row for rows in chart.to_dict()["datasets"].values() for row in rows]


def test_each_family_has_a_panel_beside_the_fully_connected_heads(folder: Path) -> None:
    chart = plots.learning_curves(folder)
    panels = chart.to_dict()["concat"]
    assert [panel["title"] for panel in panels] == ["SVM", "trees"]
    assert {row["head"] for row in rows_of(chart)} == {"mlp", "svm", "forest"}


def test_rows_of_a_figure_can_be_chosen(folder: Path) -> None:
    chart = plots.learning_curves(folder, head="svm", score="balanced_accuracy", scale="linear")
    assert {(row["head"], row["score"]) for row in rows_of(chart)} == {("svm", "balanced_accuracy")}
    assert {row["measure"] for row in rows_of(plots.pareto(folder, measure="size"))} == {"size"}


def test_a_budget_is_a_panel_of_the_differences(folder: Path) -> None:
    panels = plots.differences(folder).to_dict()["concat"]
    assert [panel["title"] for panel in panels] == ["1 label", "5 labels"]


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ({"dataset": "pets"}, "no dataset 'pets' here; there are: photos"),
        ({"head": "lda"}, "no head 'lda' here; there are: forest, mlp, svm"),
        ({"hed": "svm"}, "figures have no 'hed'; choose by dataset, embedding, score, head, budget"),
    ],
)
def test_what_is_not_there_is_told(folder: Path, where: dict[str, str], message: str) -> None:
    with pytest.raises(EmbedkitError, match=message):
        plots.learning_curves(folder, **where)


def test_several_data_sets_need_a_choice(folder: Path) -> None:
    with results.open_results(folder) as connection, connection:
        connection.execute("UPDATE rows SET dataset = 'pets' WHERE head = 'forest' AND status = 'ok'")
    with pytest.raises(EmbedkitError, match="several data sets; give dataset=, one of: pets, photos"):
        plots.learning_curves(folder)


def test_a_measure_that_is_not_there_is_told(folder: Path) -> None:
    with pytest.raises(EmbedkitError, match="unknown measure 'price'; measures are fit, choose, predict, size"):
        plots.pareto(folder, measure="price")


def test_a_head_without_probabilities_has_no_reliability(folder: Path) -> None:
    with pytest.raises(EmbedkitError, match="svm gives no probabilities"):
        plots.reliability(folder, head="svm")


def test_a_map_needs_the_embeddings(folder: Path) -> None:
    with pytest.raises(EmbedkitError, match="the store does not hold the embeddings of photos by pixels"):
        plots.embedding_map(folder)


def test_a_figure_is_saved_as_its_ending_says(folder: Path, tmp_path: Path) -> None:
    chart = plots.confusion(folder, head="svm")
    for ending, begins in ((".svg", b"<svg"), (".png", b"\x89PNG"), (".pdf", b"%PDF")):
        plots.save(chart, tmp_path / f"confusion{ending}")
        assert (tmp_path / f"confusion{ending}").read_bytes().startswith(begins)
    with Image.open(tmp_path / "confusion.png") as image:
        assert image.getpixel((0, 0))[3] == 0  # type: ignore[index]
    with pytest.raises(EmbedkitError, match=r"cannot save 'confusion.bmp'; figures are saved as \.svg, \.png or \.pdf"):
        plots.save(chart, tmp_path / "confusion.bmp")


def test_all_figures_of_a_study_are_written(tmp_path: Path) -> None:
    keys = {"backbones": ["pixels"], "heads": ["linear", "lda"], "budgets": [2, 5], "repeats": 2, "jobs": 1}
    ek.run("digits", **keys, controls=False, selection="default", out=str(tmp_path))
    files = write_figures(tmp_path / "digits", tmp_path / "figures")
    assert [file.name for file in files if file.suffix == ".svg"] == [
        "digits_curves.svg", "digits_differences.svg", "digits_pareto_fit.svg", "digits_pareto_predict.svg",
        "digits_pareto_size.svg", "digits_confusion_lda.svg", "digits_reliability_lda.svg", "digits_map.svg",
    ]  # fmt: skip
    assert all(file.stat().st_size > 1000 for file in files)


def test_where_nothing_has_a_score_there_is_nothing_to_draw(folder: Path, tmp_path: Path) -> None:
    with results.open_results(folder) as connection, connection:
        connection.execute("UPDATE rows SET status = 'failed'")
    with pytest.raises(EmbedkitError, match=r"nothing to draw: no trial in .* has a score"):
        write_figures(folder, tmp_path)
