"""Classes of which only the heads of the methods are parsed; the body of a method follows when somebody reads it."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from typing import NamedTuple

from rawlogits.static import source as sources
from rawlogits.static.source import Unreadable

SMALLEST = 1_500
"""Characters of a class that is worth it."""
_KIND = re.compile(r"^(class|def|async)\b", re.MULTILINE)
_DEF = re.compile(r"^( +)(?:async +)?def +\w+", re.MULTILINE)


class LazyFunction(ast.FunctionDef):
    """A method whose body is parsed when read."""

    __slots__ = ()

    @property
    def body(self) -> list[ast.stmt]:
        return _body(self)

    @body.setter
    def body(self, value: list[ast.stmt]) -> None:
        self.__dict__["body"] = value


class LazyAsyncFunction(ast.AsyncFunctionDef):
    """The same for an `async def`."""

    __slots__ = ()

    @property
    def body(self) -> list[ast.stmt]:
        return _body(self)

    @body.setter
    def body(self, value: list[ast.stmt]) -> None:
        self.__dict__["body"] = value


LazyFunction.__name__ = "FunctionDef"  # what `ast.dump` shows
LazyAsyncFunction.__name__ = "AsyncFunctionDef"


def _body(node: ast.AST) -> list[ast.stmt]:
    load: Callable[[], list[ast.stmt]] | None = node.__dict__.pop("load", None)
    if load is not None:
        node.__dict__["body"] = load()
    body: list[ast.stmt] = node.__dict__["body"]
    return body


class _Method(NamedTuple):
    """Where a method begins, its head ends and its body ends."""

    start: int
    head: int
    end: int


def parsed_class(text: str, line: int) -> ast.stmt | None:
    """A class that begins at this line, its methods without bodies; None when it must be parsed as it stands."""
    kind = _KIND.search(text)
    if len(text) < SMALLEST or kind is None or kind[1] != "class" or "\t" in text or "\f" in text:
        return None
    methods = _methods(text)
    if not methods:
        return None
    pieces, at = ["\n" * (line - 1)], 0
    for method in methods:
        pieces += (text[at : method.head], " ...", "\n" * text.count("\n", method.head, method.end))
        at = method.end
    pieces.append(text[at:])
    try:
        (found,) = sources.parse("".join(pieces))
    except (Unreadable, ValueError):
        return None
    if not isinstance(found, ast.ClassDef):
        return None
    heads = {node.lineno: node for node in found.body if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))}
    number, at = line, 0
    for method in methods:
        number += text.count("\n", at, method.start)
        at = method.start
        node = heads.get(number)
        if node is None:  # what looks like a method stands in a string
            return None
        _put_off(node, text[method.start : method.end], number, found if node is found.body[-1] else None)
    return found


def _put_off(node: ast.FunctionDef | ast.AsyncFunctionDef, text: str, line: int, owner: ast.ClassDef | None) -> None:
    """Have a method's body parsed when it is read; `owner` is the class that ends where the method does."""

    def ends(last: int, column: int | None) -> None:
        for ending in (node, owner) if owner is not None else (node,):
            ending.end_lineno, ending.end_col_offset = last, column

    def load() -> list[ast.stmt]:
        (outer,) = sources.parse("\n" * (line - 2) + "if 1:\n" + text)
        assert isinstance(outer, ast.If)
        (whole,) = outer.body
        assert isinstance(whole, (ast.FunctionDef, ast.AsyncFunctionDef))
        ends(whole.end_lineno or line, whole.end_col_offset)
        return whole.body

    lines = text.rstrip().split("\n")
    while lines[-1].lstrip().startswith("#") or not lines[-1].strip():
        lines.pop()
    ends(line + len(lines) - 1, len(lines[-1].encode()))
    node.__class__ = LazyFunction if isinstance(node, ast.FunctionDef) else LazyAsyncFunction
    node.__dict__["load"] = load


def _methods(text: str) -> list[_Method]:
    """The methods of a class whose heads and ends can be told."""
    found = list(_DEF.finditer(text))
    if not found:
        return []
    level = min(len(match[1]) for match in found)
    starts = [match.start() for match in found if len(match[1]) == level]
    outside = re.compile(rf"^ {{0,{level}}}[^\s#)\]}}]", re.MULTILINE)
    methods = []
    for start in starts:
        head = _head_end(text, start)
        if head < 0:
            continue
        after = outside.search(text, head + 1)
        methods.append(_Method(start, head, after.start() if after is not None else len(text)))
    return methods


def _head_end(text: str, start: int) -> int:
    """Where the line ends on which the colon of a `def` stands; -1 where that cannot be told."""
    depth, at = 0, start
    while True:
        end = text.find("\n", at)
        if end < 0:
            return -1
        line = text[at:end]
        if '"' in line or "'" in line or "#" in line:
            line = _without_strings(line)
        depth += sum(map(line.count, "([{")) - sum(map(line.count, ")]}"))
        if depth <= 0:
            return end if depth == 0 and line.rstrip().endswith(":") else -1
        at = end + 1


_STRING = re.compile(r"'[^'\\\n]*(?:\\.[^'\\\n]*)*'|\"[^\"\\\n]*(?:\\.[^\"\\\n]*)*\"|#.*")


def _without_strings(line: str) -> str:
    return _STRING.sub("", line)
