"""One grammar for datasets, backbones, codecs and heads: ``name(param=value)``, Python's call syntax.

Parsed with `ast`, never evaluated: values are literals or specs, and ``a | b`` chains codecs.
"""

from __future__ import annotations

import ast
import difflib
import inspect
import json
import math
import re
import typing
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embedkit.errors import EmbedkitError


@dataclass(frozen=True)
class Spec:
    """A name and the parameters that were written; ``str(spec)`` is the canonical form used in tables and keys."""

    name: str
    params: tuple[tuple[str, Any], ...] = ()

    def __str__(self) -> str:
        written = ", ".join(f"{key}={literal(value)}" for key, value in self.params)
        return f"{self.name}({written})" if written else self.name

    def replace(self, **changes: Any) -> Spec:
        """The same spec with these parameters written."""
        return Spec(self.name, tuple(sorted({**dict(self.params), **changes}.items())))


def literal(value: Any) -> str:
    """A parameter's value as specs write it."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, tuple):
        return "[" + ", ".join(literal(item) for item in value) + "]"
    return str(value) if isinstance(value, Spec) else repr(value)


def shown_name(spec: Spec) -> str:
    """The name in tables: files without their folders."""
    files = {name: value for name, value in spec.params if name in ("weights", "path")}
    return str(spec.replace(**{name: Path(file).name for name, file in files.items()}))


def parse(text: str) -> Spec:
    """Read one spec, such as ``knn(k=5, metric="cosine")``.

    Raises
    ------
    EmbedkitError
        Where the text is not a name or a call with keyword arguments whose values are literals or specs.
    """
    return _spec(_tree(text), text)


def parse_chain(text: str) -> tuple[Spec, ...]:
    """Read specs joined by ``|``, such as ``pca(dim=64) | int8``."""
    specs: list[Spec] = []
    node = _tree(text)
    while isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        specs.append(_spec(node.right, text))
        node = node.left
    return (_spec(node, text), *reversed(specs))


def _tree(text: str) -> ast.expr:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a Windows path has backslashes that are no escapes
            return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise EmbedkitError(f"cannot read the spec {text!r}; write name or name(param=value, ...)") from None


def _spec(node: ast.expr, text: str) -> Spec:
    if isinstance(node, ast.Name):
        return Spec(node.id)
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
        raise EmbedkitError(f"cannot read the spec {text!r}; write name or name(param=value, ...)")
    name = node.func.id
    if node.args or any(keyword.arg is None for keyword in node.keywords):
        raise EmbedkitError(f"cannot read the spec {text!r}; write parameters by name: {name}(param=value, ...)")
    params = {str(keyword.arg): _value(keyword.value, text) for keyword in node.keywords}
    if len(params) < len(node.keywords):
        raise EmbedkitError(f"cannot read the spec {text!r}; a parameter is written twice")
    return Spec(name, tuple(sorted(params.items())))


def _value(node: ast.expr, text: str) -> Any:
    if isinstance(node, ast.Call | ast.Name):
        return _spec(node, text)
    if isinstance(node, ast.List | ast.Tuple):
        return tuple(_value(item, text) for item in node.elts)
    try:
        value = ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        value = ...
    if not isinstance(value, str | int | float | bool | None) or (isinstance(value, float) and math.isinf(value)):
        written = ast.get_source_segment(text.strip(), node)
        raise EmbedkitError(f"in {text!r}: {written!r} is not a literal; values are numbers, strings, lists or specs")
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    return value


_STRING_OR_CHARACTER = re.compile(r""""(\\.|[^"\\])*"|'(\\.|[^'\\])*'|.""", re.DOTALL)


def split_list(text: str) -> list[str]:
    """Split at top-level commas: ``svm, knn(k=5, metric="cosine")`` has two parts."""
    parts, depth, start = [], 0, 0
    for piece in _STRING_OR_CHARACTER.finditer(text):
        if piece[0] in ("(", "["):
            depth += 1
        elif piece[0] in (")", "]"):
            depth -= 1
        elif piece[0] == "," and depth == 0:
            parts.append(text[start : piece.start()])
            start = piece.end()
    parts.append(text[start:])
    return [part.strip() for part in parts if part.strip()]


def did_you_mean(asked: str, known: Iterable[str]) -> str:
    """``; did you mean 'svm'?`` where one of `known` is close, else nothing."""
    lower = {name.lower(): name for name in known}
    close = difflib.get_close_matches(asked.lower(), lower, n=1)
    return f"; did you mean {lower[close[0]]!r}?" if close else ";"


def find(kind: str, spec: Spec, members: Mapping[str, Any]) -> Any:
    """The member that a spec names, or the error that lists what there is."""
    if spec.name not in members:
        raise EmbedkitError(
            f"unknown {kind} {spec.name!r}{did_you_mean(spec.name, members)} "
            f"{kind.capitalize()}s: {', '.join(sorted(members))}"
        )
    return members[spec.name]


def parameters(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """The parameters of a builder that a spec may write: its keyword-only ones."""
    signature = inspect.signature(function)
    return {name: p for name, p in signature.parameters.items() if p.kind is inspect.Parameter.KEYWORD_ONLY}


def checked_params(spec: Spec, function: Callable[..., Any]) -> dict[str, Any]:
    """The parameters of a spec, checked against the names, types and bounds that a builder's signature declares."""
    import pydantic

    known = parameters(function)
    hints = typing.get_type_hints(getattr(function, "func", function), include_extras=True)
    for name, value in spec.params:
        if name not in known:
            raise EmbedkitError(
                f"{spec}: unknown parameter {name!r}{did_you_mean(name, known)} "
                f"{spec.name} takes: {', '.join(known) or 'no parameters'}"
            )
        try:
            pydantic.TypeAdapter(hints[name]).validate_python(value, strict=True)
        except pydantic.ValidationError as error:
            problem = error.errors()[0]["msg"]
            raise EmbedkitError(f"{spec}: {name}={literal(value)}: {problem[0].lower()}{problem[1:]}") from None
    missing = [name for name, p in known.items() if p.default is p.empty and name not in dict(spec.params)]
    if missing:
        raise EmbedkitError(f"{spec}: write {missing[0]}=..., which has no default")
    return dict(spec.params)
