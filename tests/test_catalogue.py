from __future__ import annotations

import pytest

from embedkit import catalogue
from embedkit.backbones import BACKBONES
from embedkit.codecs import CODECS
from embedkit.datasets import DATASETS
from embedkit.distance.metrics import METRICS
from embedkit.errors import EmbedkitError
from embedkit.heads import HEADS


@pytest.mark.parametrize(
    ("kind", "members"),
    [("datasets", DATASETS), ("backbones", BACKBONES), ("codecs", CODECS), ("heads", HEADS), ("metrics", METRICS)],
)
def test_every_member_is_listed(kind: str, members: dict[str, object]) -> None:
    text = catalogue.text(kind)
    assert [name for name in members if name not in text] == []


def test_without_a_kind_all_are_listed() -> None:
    assert [line for line in catalogue.text().splitlines() if line.endswith(":")] == [
        "datasets:", "backbones:", "codecs:", "heads:", "metrics:", "studies:",
    ]  # fmt: skip


def test_a_line_holds_parameters_with_defaults_and_what_it_is() -> None:
    lines = catalogue.text("heads").splitlines()
    assert '  forest(trees=300, max_features="auto"): random forest' in lines
    assert "  folder(path, labels=None, name=None): images in a folder" in catalogue.text("datasets")


def test_a_named_data_set_is_listed_with_its_title() -> None:
    text = catalogue.text("datasets")
    assert (
        "  digits: Optical recognition of handwritten digits, test part; 1,797 images, 8x8, grey, 10 classes\n" in text
    )
    assert "; 113,000 images (100,000 unlabelled), 96x96, colour, 10 classes, 2,640 MB to download\n" in text
    assert "    NAME of torchvision is one of: Caltech101, " in text


def test_an_unknown_kind_is_told() -> None:
    with pytest.raises(EmbedkitError, match="there are no 'head' to list; did you mean 'heads'"):
        catalogue.text("head")
    with pytest.raises(EmbedkitError) as told:
        catalogue.text("layer")
    assert str(told.value) == (
        "there are no 'layer' to list; did you mean 'layers'? "
        "kinds: datasets, backbones, codecs, heads, metrics, studies, layers"
    )


def test_the_list_of_backbones_says_how_layers_are_listed() -> None:
    assert "    its layers: embedkit list layers NETWORK" in catalogue.text("backbones").splitlines()


def test_heads_that_do_not_predict_numbers_say_so() -> None:
    lines = {line.split("(")[0].split(":")[0].strip(): line for line in catalogue.text("heads").splitlines()[1:]}
    assert {
        name for name, line in lines.items() if line.partition("; selection")[0].endswith("; for classes only")
    } == {name for name, head in HEADS.items() if head.tasks == ("classification",)}
