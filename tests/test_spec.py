"""The grammar: what it reads, what it refuses, and that the canonical form reads back."""

from __future__ import annotations

import warnings
from functools import partial
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

from embedkit.errors import EmbedkitError
from embedkit.spec import Spec, checked_params, did_you_mean, find, parameters, parse, parse_chain, split_list


def knn(seed: int, *, k: Annotated[int, Field(ge=1)] = 5, metric: Literal["euclidean", "cosine"] = "euclidean") -> None:
    """a builder"""


def stored(*, path: str, scale: float = 1.0) -> None:
    """a builder with a parameter that has to be written"""


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("svm", Spec("svm")),
        ("svm()", Spec("svm")),
        ("  svm ( C = 10 )  ", Spec("svm", (("C", 10),))),
        ("svm(\n  C=1,\n)", Spec("svm", (("C", 1),))),
        ("ridge(alpha=-0.5)", Spec("ridge", (("alpha", -0.5),))),
        ("a(x=None, y=True)", Spec("a", (("x", None), ("y", True)))),
        ("mlp(hidden=[256, 64])", Spec("mlp", (("hidden", (256, 64)),))),
        ("mlp(hidden=(256,))", Spec("mlp", (("hidden", (256,)),))),
        ("self_training(head=svm(C=10))", Spec("self_training", (("head", Spec("svm", (("C", 10),))),))),
        ("vote(heads=[svm, knn(k=1)])", Spec("vote", (("heads", (Spec("svm"), Spec("knn", (("k", 1),)))),))),
    ],
)
def test_reads_names_literals_lists_and_specs(text: str, spec: Spec) -> None:
    assert parse(text) == spec


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "two words",
        "svm)",
        "svm;knn",
        "svm(C=1)(C=2)",
        "svm(C=1).fit",
        "os.system",
        "None",
        "'svm'",
        "lambda: 1",
        "[svm]",
        "a | b",
        "svm\0",
        "svm(C=0777)",
        "(" * 150 + "a",
        "(" * 100_000 + "a" + ")" * 100_000,
        "a(b=" + "-" * 100_000 + "1)",
        "a(b=" + "9" * 10_000 + ")",
    ],
    ids=lambda text: text[:20],
)
def test_refuses_what_is_no_name_and_no_call(text: str) -> None:
    with pytest.raises(EmbedkitError) as told:
        parse(text)
    assert str(told.value) == f"cannot read the spec {text!r}; write name or name(param=value, ...)"


@pytest.mark.parametrize("text", ["knn(5)", "knn(5, metric='cosine')", "knn(*x)", "knn(**x)", "knn(k:=5)"])
def test_refuses_parameters_without_a_name(text: str) -> None:
    with pytest.raises(EmbedkitError) as told:
        parse(text)
    assert str(told.value) == f"cannot read the spec {text!r}; write parameters by name: knn(param=value, ...)"


def test_refuses_a_parameter_that_is_written_twice() -> None:
    with pytest.raises(EmbedkitError) as told:
        parse("svm(C=1, C=2)")
    assert str(told.value) == "cannot read the spec 'svm(C=1, C=2)'; a parameter is written twice"


@pytest.mark.parametrize("text", ["__import__('os')", "a(b=__import__('os'))", "a(b=[__import__('os')])"])
def test_a_call_that_would_do_harm_is_neither_made_nor_accepted(text: str) -> None:
    with pytest.raises(EmbedkitError, match="write parameters by name: __import__"):
        parse(text)


@pytest.mark.parametrize(
    "value",
    [
        "f'{1}'",
        "f''",
        "os.environ",
        "lambda: 1",
        "[1 for x in y]",
        "1 if 2 else 3",
        "1 + 2",
        "2 ** 999999999",
        "1j",
        "b'x'",
        "{}",
        "{'a': 1}",
        "...",
        "-x",
        "-True",
        "not 1",
        "x[0]",
        "c | d",
        "1e999",
        "-1e999",
        pytest.param("-" * 400 + "1", id="400 times minus"),
        pytest.param("x" + ".x" * 400, id="400 attributes"),
        pytest.param("1" + "+1" * 400, id="400 times plus"),
    ],
)
def test_refuses_values_that_are_no_literals_and_evaluates_none(value: str) -> None:
    for text in (f"a(b={value})", f" a(b=[1, {value}])", f"a(b=c(d={value}))"):
        with pytest.raises(EmbedkitError) as told:
            parse(text)
        assert str(told.value) == (
            f"in {text!r}: {value!r} is not a literal; values are numbers, strings, lists or specs"
        )


def test_deep_nesting_is_read_or_refused_but_never_a_crash() -> None:
    text = "a(b=" * 150 + "1" + ")" * 150
    assert str(parse(text)) == text
    with pytest.raises(EmbedkitError, match="cannot read the spec"):
        parse("a(b=" * 1000 + "1" + ")" * 1000)


def test_the_canonical_form_sorts_and_normalises_what_was_written() -> None:
    assert str(parse("svm(C=10.0)")) == "svm(C=10)"
    assert str(parse("knn( metric='cosine',k=0x5 )")) == 'knn(k=5, metric="cosine")'


@pytest.mark.parametrize("text", ["svm", "svm(C=1)", "svm(C=1.5)"])
def test_the_canonical_form_neither_drops_nor_adds_a_default(text: str) -> None:
    assert str(parse(text)) == text


@pytest.mark.parametrize(
    "value",
    [
        "plain",
        "",
        'double " quote',
        "single ' quote",
        "back\\slash \\n \\",
        "line\nbreak\ttab\r\0",
        "C:\\photos\\new",
        "Katzenphotos äöü 猫 😀 \u2028",
        "brackets ([, )] | #",
        -3,
        -0.25,
        1e-300,
        1.7976931348623157e308,
        10**30,
        True,
        False,
        None,
        (),
        (1, -2.5, "three", None),
        ((1, 2), (3,)),
        Spec("svm"),
        Spec("svm", (("C", 10), ("kernel", 'r"b"f'))),
        (Spec("knn", (("k", 1),)), "x"),
    ],
)
def test_the_canonical_form_reads_back_as_the_same_spec(value: Any) -> None:
    spec = Spec("a", (("b", value), ("c", 1)))
    again = parse(str(spec))
    assert again == spec
    assert str(again) == str(spec)


def test_equal_looking_values_of_other_types_differ_in_the_canonical_form() -> None:
    assert len({str(parse(f"a(b={value})")) for value in ("1", "1.5", "True", "'1'", "[1]")}) == 5


def test_a_windows_path_is_read_without_a_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert parse(r'folder(path="D:\data")') == Spec("folder", (("path", r"D:\data"),))


def test_replace_writes_parameters_in_order() -> None:
    assert str(parse("folder(path='x')").replace(labels="y.csv")) == 'folder(labels="y.csv", path="x")'


@pytest.mark.parametrize(
    ("text", "chain"),
    [
        ("float32", ["float32"]),
        ("pca(dim=64) | int8", ["pca(dim=64)", "int8"]),
        ("a|b|c", ["a", "b", "c"]),
    ],
)
def test_a_chain_reads_from_left_to_right(text: str, chain: list[str]) -> None:
    assert [str(spec) for spec in parse_chain(text)] == chain


@pytest.mark.parametrize("text", ["a |", "| a", "a || b", "a | (b | c)", "a | 1", "a & b", "|".join("a" * 5000)])
def test_refuses_a_chain_of_anything_but_specs(text: str) -> None:
    with pytest.raises(EmbedkitError) as told:
        parse_chain(text)
    assert str(told.value) == f"cannot read the spec {text!r}; write name or name(param=value, ...)"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("svm, knn(k=5), mlp", ["svm", "knn(k=5)", "mlp"]),
        ('knn(k=5, metric="cosine"),svm', ['knn(k=5, metric="cosine")', "svm"]),
        ("mlp(hidden=[256, 64]), svm", ["mlp(hidden=[256, 64])", "svm"]),
        (
            "vote(heads=[svm(C=1, gamma=2), knn(k=[1, 2])]), svm",
            ["vote(heads=[svm(C=1, gamma=2), knn(k=[1, 2])])", "svm"],
        ),
        ('folder(path="a, b"), c', ['folder(path="a, b")', "c"]),
        ("folder(path='a)],'), c", ["folder(path='a)],')", "c"]),
        ('folder(path="it\'s, so"), c', ['folder(path="it\'s, so")', "c"]),
        ("1, 200 total, 1%, all", ["1", "200 total", "1%", "all"]),
        ("svm,, knn,", ["svm", "knn"]),
        (" , ", []),
        ("", []),
    ],
)
def test_a_list_is_split_at_top_level_commas_only(text: str, parts: list[str]) -> None:
    assert split_list(text) == parts


def test_an_escaped_quote_does_not_end_a_string() -> None:
    spec = Spec("folder", (("path", 'a", b\\'),))
    assert split_list(f"{spec}, c") == [str(spec), "c"]


@pytest.mark.parametrize(
    ("asked", "told"), [("smv", "; did you mean 'svm'?"), ("knnn", "; did you mean 'knn'?"), ("zebra", ";")]
)
def test_did_you_mean_names_the_closest_or_nothing(asked: str, told: str) -> None:
    assert did_you_mean(asked, ["svm", "knn", "lda"]) == told


def test_an_unknown_member_is_told_with_all_members() -> None:
    members = {"svm": 1, "knn": 2}
    assert find("head", Spec("svm"), members) == 1
    with pytest.raises(EmbedkitError) as told:
        find("head", Spec("smv"), members)
    assert str(told.value) == "unknown head 'smv'; did you mean 'svm'? Heads: knn, svm"
    with pytest.raises(EmbedkitError) as told:
        find("head", Spec("zebra"), members)
    assert str(told.value) == "unknown head 'zebra'; Heads: knn, svm"


def test_a_spec_may_write_the_keyword_only_parameters() -> None:
    assert list(parameters(knn)) == ["k", "metric"]
    assert checked_params(parse("knn(k=3, metric='cosine')"), knn) == {"k": 3, "metric": "cosine"}
    assert checked_params(parse("stored(path='x', scale=2)"), stored) == {"path": "x", "scale": 2}


def test_a_bound_builder_is_checked_by_the_types_of_its_function() -> None:
    with pytest.raises(EmbedkitError, match=r"^knn\(k=0\): k=0: input should be greater than or equal to 1$"):
        checked_params(parse("knn(k=0)"), partial(knn, 7))


@pytest.mark.parametrize(
    ("text", "builder", "problem"),
    [
        ("knn(n=3)", knn, "knn(n=3): unknown parameter 'n'; knn takes: k, metric"),
        (
            "knn(metrc='x')",
            knn,
            "knn(metrc=\"x\"): unknown parameter 'metrc'; did you mean 'metric'? knn takes: k, metric",
        ),
        ("knn(seed=3)", knn, "knn(seed=3): unknown parameter 'seed'; knn takes: k, metric"),
        ("knn(k=5.5)", knn, "knn(k=5.5): k=5.5: input should be a valid integer"),
        ("knn(k='5')", knn, 'knn(k="5"): k="5": input should be a valid integer'),
        ("knn(k=True)", knn, "knn(k=True): k=True: input should be a valid integer"),
        ("knn(k=[5])", knn, "knn(k=[5]): k=[5]: input should be a valid integer"),
        ("knn(metric='l1')", knn, "knn(metric=\"l1\"): metric=\"l1\": input should be 'euclidean' or 'cosine'"),
        ("knn(metric=cosine)", knn, "knn(metric=cosine): metric=cosine: input should be 'euclidean' or 'cosine'"),
        ("stored(path=x)", stored, "stored(path=x): path=x: input should be a valid string"),
        ("stored(scale=2.0)", stored, "stored(scale=2): write path=..., which has no default"),
        ("plain(x=1)", lambda: None, "plain(x=1): unknown parameter 'x'; plain takes: no parameters"),
    ],
)
def test_parameters_are_checked_by_name_type_and_bound(text: str, builder: Any, problem: str) -> None:
    with pytest.raises(EmbedkitError) as told:
        checked_params(parse(text), builder)
    assert str(told.value) == problem
