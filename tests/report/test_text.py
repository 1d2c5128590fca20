from __future__ import annotations

from pathlib import Path

from embedkit.report.summary import Table, summarise
from embedkit.report.text import behind_grid, markdown_grid, standing_sentence, summary_markdown, summary_text
from embedkit.statistics import Interval


def table(**standing: list[tuple[float, float]]) -> Table:
    budgets = ["1", "5"]
    differences = {
        name: {budget: Interval(*pair) for budget, pair in zip(budgets, pairs, strict=True)}
        for name, pairs in standing.items()
    }
    return Table("photos", "pixels", "float32", "cv", "accuracy", [], budgets, {}, differences)


def test_the_text_holds_scores_intervals_costs_and_failures(folder: Path) -> None:
    text = summary_text(summarise(folder))
    assert "photos, pixels: accuracy in %, by labels per class" in text
    assert "  svm     50.0 ±32.7*  90.0 ±24.2*" in text
    assert "what heads cost at 5 labels per class, alone on one core" in text
    assert "svm     12.5 ms              200 µs  12 kB" in text
    assert "failed: 1 trial (xgboost): ValueError: <no> luck" in text


def test_the_text_answers_after_each_table_and_for_each_data_set(folder: Path) -> None:
    text = " ".join(summary_text(summarise(folder)).split())
    assert (
        "It is not decided from how many labels per class on mlp is behind no classical head by more than 1 point. "
        "For what the best classical head reaches with 1 and 5 labels per class, mlp needs 1.4 ("
    ) in text
    assert (
        "What mlp on pixels would gain at 1 label per class, in points: 5 labels per class +50.0 ±32.7; another head"
        in text
    )
    assert "one family, Holm" not in text


def test_markdown_holds_head_against_head_too(folder: Path) -> None:
    assert "mlp against each head at each budget (one family, Holm), of 4: undecided in 4." in summary_markdown(
        summarise(folder)
    )


def test_markdown_says_how_much_wider_intervals_over_pools_are(folder: Path, ages: Path) -> None:
    assert "Were another pool drawn too, ± would be as many times as wide: 1.0 at 1 and 1.0 at 5." in summary_markdown(
        summarise(folder)
    )
    assert "as wide: 1.0 at 10, and not known at budget all." in summary_markdown(summarise(ages))


def test_no_line_is_wider_than_a_terminal_of_120_columns(folder: Path) -> None:
    assert max(map(len, summary_text(summarise(folder)).splitlines())) <= 120


def test_ahead_behind_and_level_are_told_with_their_budgets() -> None:
    sentence = standing_sentence(table(SVM=[(-2, 1), (-3, 1)], trees=[(5, 1), (0.5, 1)], linear=[(0.1, 1), (0.2, 1)]))
    assert sentence == (
        "Fully connected (its champion against each family's, in points): behind SVM at every budget (by up to 3.0); "
        "ahead of trees at 1 (by up to 5.0); not told apart from linear; at other budgets not told apart."
    )


def test_nothing_is_said_of_fully_connected_heads_that_are_not_there() -> None:
    assert standing_sentence(table()) == ""


def test_markdown_has_a_title_and_a_grid_per_embedding(folder: Path) -> None:
    text = summary_markdown(summarise(folder))
    assert text.startswith(
        "## photos, pixels: accuracy in %, by labels per class\n\n"
        "2 classes; 10 test images; labels drawn 3 times from 40 images.\n\n"
        "| head | 1 | 5 |\n| --- | ---: |"
    )
    assert "| svm | 50.0 ±32.7* | 90.0 ±24.2* |" in text


def test_markdown_grid() -> None:
    assert markdown_grid(["a", "b "], [["x", " 1"]]) == "| a | b |\n| --- | ---: |\n| x | 1 |"


def test_numeric_targets_are_told_in_their_units_with_three_digits(ages: Path) -> None:
    text = summary_text(summarise(ages))
    assert "ages, pixels: mean absolute error (lower is better), by labels\n" in text
    lines = [line.split() for line in text.splitlines()]
    assert ["mlp", "2.00", "±0.65", "0.500", "±0.163*"] in lines
    assert ["svm", "0.500", "±0.327*", "1.50", "±0.33"] in lines
    assert ["forest", "10.0", "±0.7", "-"] in lines
    assert "what heads cost at all, alone on one core" in text
    assert "%" not in text.replace("95%", "")


def test_the_standing_of_numeric_targets_is_in_units_of_the_target(ages: Path) -> None:
    assert standing_sentence(summarise(ages).tables[0]) == (
        "Fully connected (its champion against each family's, mean absolute error in units of the target): "
        "ahead of SVM at all (by up to 1.00) and behind SVM at 10 (by up to 1.50); "
        "ahead of trees at 10 (by up to 8.00)."
    )


def test_markdown_says_how_far_numeric_targets_spread(ages: Path) -> None:
    assert (
        "Numeric targets, on average 25.0 from their median; 10 test images; labels drawn 3 times from 40 images."
        in summary_markdown(summarise(ages))
    )


def test_how_far_each_head_is_behind_the_best_of_its_column(folder: Path) -> None:
    header, lines = behind_grid(summarise(folder).tables[0])
    assert header == ["behind the best by", "1", "5"]
    estimates = {head: [cell.split(" ")[0] for cell in cells] for head, *cells in lines}
    assert estimates == {"mlp": ["10.0", "-"], "svm": ["-", "0.0"], "forest": ["30.0", "30.0"]}
