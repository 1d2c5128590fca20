from __future__ import annotations

from embedkit.heads import HEADS
from embedkit.outcomes import FULLY_CONNECTED, family
from embedkit.report.figures.style import INK, head_styles


def test_no_two_heads_look_alike() -> None:
    styles = head_styles(HEADS)
    looks = [(style.color, tuple(style.dash)) for style in styles.values()]
    assert len(set(looks)) == len(HEADS)


def test_fully_connected_heads_are_black_and_grey() -> None:
    styles = head_styles(["svm", "mlp", "linear"])
    assert list(styles) == ["linear", "mlp", "svm"]
    assert [styles[head].color for head in ("linear", "mlp")] == [INK, "#808080"]


def test_the_first_heads_of_families_have_colours_of_their_own() -> None:
    firsts = {family(head): head for head in reversed(HEADS) if family(head) != FULLY_CONNECTED}
    styles = head_styles(["svm", "linear_svm", "lda", "qda", "knn", "forest"])
    assert len({styles[head].color for head in ("svm", "lda", "knn", "forest")}) == 4
    assert len(firsts) > 4
