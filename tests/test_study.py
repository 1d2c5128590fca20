"""What a user asks for: read from any form, checked as a whole, told with all its mistakes."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from embedkit.engines import default_jobs
from embedkit.errors import EmbedkitError
from embedkit.spec import parse, parse_chain
from embedkit.study import DEFAULT_HEADS, Study, make_study, read_study, shipped_studies

KEYS = ", ".join(Study.model_fields)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder without files that could be taken for members."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def told(**keys: Any) -> str:
    with pytest.raises(EmbedkitError) as error:
        make_study("embedkit run", **keys)
    return str(error.value)


def test_the_keys_are_the_vocabulary_of_flags_files_and_arguments() -> None:
    assert KEYS == (
        "datasets, labels, task, backbones, codecs, controls, jobs, device, trust_code, name, out, heads, budgets, "
        "repeats, selection, evaluation, score, draw, min_class_size"
    )
    assert all(field.description for field in Study.model_fields.values())


def test_what_is_not_written_is_the_default() -> None:
    study = make_study("run", datasets="digits", heads=None)
    assert study.model_dump() == {
        "datasets": ("digits",),
        "labels": None,
        "task": "auto",
        "backbones": None,
        "codecs": ("float32",),
        "heads": None,
        "budgets": None,
        "repeats": 10,
        "selection": "cv",
        "evaluation": "auto",
        "score": "auto",
        "draw": "balanced",
        "min_class_size": 2,
        "controls": True,
        "jobs": default_jobs(),
        "device": "auto",
        "trust_code": False,
        "name": None,
        "out": "results",
    }
    assert [str(budget) for budget in study.parsed_budgets()] == ["1", "2", "5", "10", "25", "50", "100"]
    by_target = study.parsed_budgets("regression")
    assert [str(budget) for budget in by_target] == ["10", "25", "50", "100", "250", "500", "1000"]


def test_a_study_does_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        make_study("run", datasets="digits").repeats = 3


def test_the_default_heads_are_those_that_can_do_the_task() -> None:
    study = make_study("run", datasets="digits")
    assert tuple(map(str, study.parsed_heads())) == DEFAULT_HEADS
    of_numbers = [head.name for head in study.parsed_heads("regression")]
    assert of_numbers == ["linear", "mlp", "svm", "linear_svm", "ridge", "knn", "knn", "forest", "xgboost"]
    assert len(make_study("run", datasets="digits", heads="lda").parsed_heads("regression")) == 1


@pytest.mark.parametrize(
    "heads",
    [
        'svm, knn(k=5, metric="cosine")',
        ["svm", 'knn(k=5, metric="cosine")'],
        ("svm", 'knn(k=5, metric="cosine")'),
        ['svm, knn(k=5, metric="cosine")'],
    ],
)
def test_a_list_is_a_list_or_text_with_commas(heads: Any) -> None:
    assert make_study("run", datasets="digits", heads=heads).heads == ("svm", 'knn(k=5, metric="cosine")')


def test_a_list_that_is_too_long_for_a_path_is_read() -> None:
    heads = [f"knn(k={k})" for k in range(1, 1000)]
    assert make_study("run", datasets="digits", heads=", ".join(heads)).heads == tuple(heads)


@pytest.mark.parametrize("budgets", [5, [5], "5", ["5"], [" 5 "]])
def test_whole_numbers_are_budgets(budgets: Any) -> None:
    assert make_study("run", datasets="digits", budgets=budgets).budgets == ("5",)


def test_a_folder_with_commas_in_its_name_is_one_data_set(elsewhere: Path) -> None:
    (elsewhere / "cats, dogs").mkdir()
    assert make_study("run", datasets=["cats, dogs"]).datasets == ("cats, dogs",)


def test_members_are_parsed_once_each_in_the_order_written() -> None:
    study = make_study(
        "run",
        datasets="digits",
        backbones="pixels(size=8), autoencoder, pixels( size = 8 )",
        codecs="float16, float32 | float16, float16",
        heads="svm, knn(k=5), svm(), svm(C=1)",
        budgets="5, 200 total, 1%, all, 5",
    )
    assert study.parsed_backbones() == [parse("pixels(size=8)"), parse("autoencoder")]
    assert study.parsed_codecs() == [parse_chain("float16"), parse_chain("float32 | float16")]
    assert study.parsed_heads() == [parse("svm"), parse("knn(k=5)"), parse("svm(C=1)")]
    assert [str(budget) for budget in study.parsed_budgets()] == ["5", "200 total", "1%", "all"]


@pytest.mark.parametrize(
    ("key", "value", "read"),
    [
        ("repeats", "3", 3),
        ("repeats", 1, 1),
        ("jobs", 4, 4),
        ("min_class_size", 2, 2),
        ("controls", False, False),
        ("controls", "no", False),
        ("device", "cpu", "cpu"),
        ("device", "cuda", "cuda"),
        ("device", "cuda:1", "cuda:1"),
        ("evaluation", "cv", "cv"),
        ("score", "balanced_accuracy", "balanced_accuracy"),
        ("task", "regression", "regression"),
        ("draw", "capped", "capped"),
        ("name", "my-study_1.2", "my-study_1.2"),
        ("out", "/tmp/x y", "/tmp/x y"),
    ],
)
def test_a_value_is_read(key: str, value: Any, read: Any) -> None:
    assert getattr(make_study("run", datasets="digits", **{key: value}), key) == read


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("repeats", 0, "input should be greater than or equal to 1; it is 0"),
        ("repeats", "many", "input should be a valid integer, unable to parse string as an integer; it is 'many'"),
        ("jobs", 0, "input should be greater than or equal to 1; it is 0"),
        ("jobs", 1.5, "input should be a valid integer, got a number with a fractional part; it is 1.5"),
        ("min_class_size", 1, "input should be greater than or equal to 2; it is 1"),
        ("controls", "perhaps", "input should be a valid boolean, unable to interpret input; it is 'perhaps'"),
        ("evaluation", "loo", "input should be 'auto', 'fixed' or 'cv'; it is 'loo'"),
        ("score", "f1", "input should be 'auto', 'accuracy', 'balanced_accuracy' or 'mae'; it is 'f1'"),
        ("task", "rank", "input should be 'auto', 'classification' or 'regression'; it is 'rank'"),
        ("draw", "all", "input should be 'balanced' or 'capped'; it is 'all'"),
        ("selection", "best", "input should be 'cv', 'default' or 'oracle'; it is 'best'"),
        ("labels", 5, "input should be a valid string; it is 5"),
        ("device", "gpu", r"string should match pattern '^(auto|cpu|cuda(:\d+)?)$'; it is 'gpu'"),
        ("device", "cuda:", r"string should match pattern '^(auto|cpu|cuda(:\d+)?)$'; it is 'cuda:'"),
        ("name", "a/b", r"string should match pattern '^\w[\w.-]*$'; it is 'a/b'"),
        ("name", "..", r"string should match pattern '^\w[\w.-]*$'; it is '..'"),
        ("name", "", r"string should match pattern '^\w[\w.-]*$'; it is ''"),
        ("heads", 5.5, "input should be a valid tuple; it is 5.5"),
        ("heads", [], "name at least one"),
        ("heads", "", "name at least one"),
        ("codecs", ",", "name at least one"),
        ("backbones", [], "name at least one"),
        ("budgets", [], "name at least one"),
        ("heads", [7], "cannot read the spec '7'; write name or name(param=value, ...)"),
        ("heads", "svm(", "cannot read the spec 'svm('; write name or name(param=value, ...)"),
        ("heads", "knn(k=0)", "knn(k=0): k=0: input should be greater than or equal to 1"),
        ("heads", "qda(k=1)", "qda(k=1): unknown parameter 'k'; qda takes: no parameters"),
        ("backbones", "pixels(size=0)", "pixels(size=0): size=0: input should be greater than or equal to 1"),
        ("codecs", "float32 |", "cannot read the spec 'float32 |'; write name or name(param=value, ...)"),
        (
            "budgets",
            "0",
            "budget '0' cannot be read; budgets are labels per class (5), '200 total', '1%' or 'all'",
        ),
    ],
)
def test_a_wrong_value_is_told_with_its_key(key: str, value: Any, problem: str) -> None:
    assert told(datasets="digits", **{key: value}) == f"embedkit run: {key}: {problem}"


def test_labels_for_anything_but_a_folder_are_told() -> None:
    assert told(datasets="digits", labels="y.csv") == (
        "embedkit run: datasets: labels 'y.csv' belong to a folder of images, and digits is none; leave --labels out"
    )


@pytest.mark.parametrize(("key", "known"), [("heads", "svm"), ("backbones", "resnet50"), ("codecs", "float16")])
def test_an_unknown_member_is_told_with_the_closest(key: str, known: str) -> None:
    asked = known[:-2] + known[:-3:-1]
    message = told(**{"datasets": "digits", key: asked})
    kind = key.removesuffix("s")
    assert message.startswith(
        f"embedkit run: {key}: unknown {kind} {asked!r}; did you mean {known!r}? {kind.capitalize()}s: "
    )


def test_an_unknown_data_set_is_told_with_the_closest() -> None:
    assert told(datasets="digtis").startswith(
        "embedkit run: datasets: no folder or data set 'digtis'; did you mean 'digits'? data sets: "
    )


def test_data_sets_have_to_be_named() -> None:
    assert told(datasets=[]) == "embedkit run: datasets: name at least one"
    assert told(datasets="") == "embedkit run: datasets: name at least one"


def test_an_unknown_key_is_told_with_the_closest_and_all() -> None:
    assert told(datasets="digits", head="svm") == (
        f"embedkit run: head: unknown key; did you mean 'heads'? keys: {KEYS}"
    )
    assert told(datasets="digits", zzz=1) == f"embedkit run: zzz: unknown key; keys: {KEYS}"


def test_all_problems_are_told_at_once_each_with_its_key() -> None:
    message = told(
        datasets="digits, nope/",
        heads="knn(k=0), svm, knn(n=1)",
        codecs="float32(x=1)",
        budgets="5, five",
        repeats=0,
        device="gpu",
        repeat=3,
    )
    first, *problems = message.split("\n  ")
    assert first == "embedkit run has 8 problems:"
    assert [problem.split(":")[0] for problem in problems] == [
        "device",
        "repeats",
        "repeat",
        "datasets",
        "codecs",
        "heads",
        "heads",
        "budgets",
    ]
    assert problems[6] == "heads: knn(n=1): unknown parameter 'n'; knn takes: k, metric, weights"


@pytest.mark.parametrize(
    ("datasets", "name"),
    [
        (["digits"], "digits"),
        (["photos/"], "photos"),
        (["photos/summer 2024"], "summer_2024"),
        (["."], "work"),
        (["photos/.."], "work"),
        (["digits", "photos"], "digits-photos"),
        (["data (old)"], "data__old_"),
        (["Kätzchen"], "Kätzchen"),
        (['folder(path="x", name="y")'], "folder"),
    ],
)
def test_results_are_named_after_the_data_sets(
    datasets: list[str], name: str, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("photos/summer 2024", "data (old)", "Kätzchen"):
        (elsewhere / "work" / folder).mkdir(parents=True)
    monkeypatch.chdir(elsewhere / "work")
    study = make_study("run", datasets=datasets, out="tables")
    assert study.results_name == name
    assert study.folder == Path("tables") / name


def test_a_name_that_is_written_is_the_results_name() -> None:
    assert make_study("run", datasets="digits", name="mine").folder == Path("results/mine")


def test_a_study_file_gives_its_keys_and_its_name(elsewhere: Path) -> None:
    (elsewhere / "my-study.toml").write_text('datasets = ["digits"]\nbudgets = [1, "all"]\ncontrols = false\n')
    keys = read_study("my-study.toml")
    assert keys == {"name": "my-study", "datasets": ["digits"], "budgets": [1, "all"], "controls": False}
    assert make_study("my-study.toml", **keys).budgets == ("1", "all")


def test_a_name_in_the_study_file_is_taken(elsewhere: Path) -> None:
    (elsewhere / "a.toml").write_text('name = "b"\n')
    assert read_study("a.toml") == {"name": "b"}


def test_a_study_files_name_becomes_a_folders_name(elsewhere: Path) -> None:
    (elsewhere / "first try (2).toml").write_text('datasets = "digits"\n')
    assert make_study("x", **read_study("first try (2).toml")).results_name == "first_try__2_"


def test_a_study_file_with_a_byte_order_mark_is_read(elsewhere: Path) -> None:
    (elsewhere / "a.toml").write_bytes(b'\xef\xbb\xbfdatasets = "digits"\n')
    assert read_study("a.toml")["datasets"] == "digits"


def test_a_table_in_a_study_file_is_an_unknown_key(elsewhere: Path) -> None:
    (elsewhere / "a.toml").write_text('datasets = "digits"\n[head]\nname = "svm"\n')
    with pytest.raises(EmbedkitError, match=r"^a\.toml: head: unknown key; did you mean 'heads'\? keys: "):
        make_study("a.toml", **read_study("a.toml"))


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"datasets = ", "the study file 'a.toml' is no TOML: Invalid value (at end of document)"),
        (
            b"repeats = 1\nrepeats = 2",
            "the study file 'a.toml' is no TOML: Cannot overwrite a value (at end of document)",
        ),
        (b'name = "\xff"', "the study file 'a.toml' is no TOML: 'utf-8' codec can't decode byte 0xff in position 8"),
    ],
)
def test_a_study_file_that_is_no_toml_is_told(data: bytes, problem: str, elsewhere: Path) -> None:
    (elsewhere / "a.toml").write_bytes(data)
    with pytest.raises(EmbedkitError) as error:
        read_study("a.toml")
    assert str(error.value).startswith(problem)


@pytest.mark.parametrize(("path", "reason"), [("nope.toml", "No such file or directory"), (".", "Is a directory")])
def test_a_study_file_that_cannot_be_read_is_told(path: str, reason: str) -> None:
    with pytest.raises(EmbedkitError) as error:
        read_study(path)
    assert str(error.value) == f"cannot read the study file {path!r}: {reason}"


@pytest.mark.parametrize("name", shipped_studies())
def test_shipped_studies_are_valid(name: str) -> None:
    assert make_study(name, **read_study(name)).name == name


def test_the_built_in_study_is_valid() -> None:
    study = make_study("built-in", **read_study("default"))
    assert (study.datasets, study.results_name) == (("digits",), "default")


def test_a_study_written_as_toml_reads_back() -> None:
    study = make_study("x", datasets="digits", heads="svm, knn(k=5)", budgets="1, all", repeats=3, name="a")
    lines = [f"{key} = {_toml(value)}" for key, value in study.model_dump(exclude_none=True).items()]
    assert make_study("y", **tomllib.loads("\n".join(lines))) == study


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return repr(list(value)) if isinstance(value, tuple) else repr(value)
