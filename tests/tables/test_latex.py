from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

from embedkit.tables.cells import Cells
from embedkit.tables.latex import as_latex

CellsOf = Callable[..., Cells]


def test_a_table_for_a_paper(folder: Path, cells_of: CellsOf) -> None:
    lines = as_latex(cells_of(folder, where={"head": "svm"}, value="fit_s")).splitlines()
    assert lines == [
        r"% needs \usepackage{booktabs}",
        r"\begin{table}[htbp]",
        r"\centering",
        r"\caption{photos, pixels: time to fit in ms, by labels per class. Measured alone, in the first repeat.}",
        r"\begin{tabular}{lrr}",
        r"\toprule",
        r"head & 1 & 5 \\",
        r"\midrule",
        r"svm & 12.5 & 12.5 \\",
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]


def test_the_caption_names_the_protocol_and_the_best_are_bold(folder: Path, cells_of: CellsOf) -> None:
    text = as_latex(cells_of(folder))
    assert r"accuracy in \%, by labels per class. photos: 10 test images, labels drawn 3 times." in text
    assert r"$\pm$ is a 95\% interval over label draws and test images. Bold: cannot be told" in text
    assert r"svm & \textbf{50.0 $\pm$" in text
    assert r"forest & 20.0 $\pm$" in text


def test_several_levels_of_columns_span(folder: Path, cells_of: CellsOf) -> None:
    text = as_latex(cells_of(folder, columns=["backbone", "budget"]))
    assert r"\multicolumn{2}{c}{pixels} \\" in text
    assert r"head & 1 & 5 \\" in text


def test_names_are_escaped(folder: Path, cells_of: CellsOf) -> None:
    with sqlite3.connect(folder / "results.sqlite") as connection:
        connection.execute("UPDATE rows SET dataset = 'my_photos & 5% {x}', codec = 'pca(dim=8) | int8'")
    connection.close()
    text = as_latex(cells_of(folder, rows=["codec", "head"], value="fit_s"))
    assert r"\caption{my\_photos \& 5\% \{x\}, pixels: time to fit in ms" in text
    assert r"pca(dim=8) $|$ int8 & mlp & 12.5 & 12.5 \\" in text
    assert r" & svm & 12.5" in text


def test_each_caption_is_about_its_own_table(folder: Path, cells_of: CellsOf) -> None:
    text = as_latex(cells_of(folder, rows=["budget"], columns=["repeat"]))
    captions = [line for line in text.splitlines() if line.startswith(r"\caption")]
    assert [caption.split(":")[0] for caption in captions] == [
        rf"\caption{{photos, pixels, {head}" for head in ("mlp", "svm", "forest")
    ]
    assert not any("xgboost" in caption for caption in captions)
