"""Programs made of what the walker interprets, in any order and number, and of pieces of the literate cases."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tests import literate

Files = dict[str, str]
CASES = [
    {file.name: file.text for file in case.files}
    for path in sorted((Path(__file__).parents[1] / "cases").glob("*.md"))
    for case in literate.parse(path.read_text(encoding="utf-8"), path.name)
]
"""The projects of the literate cases."""

HEAD = """\
import functools, itertools, torch
import torch.nn as nn
import torch.nn.functional as F
"""
NAMES = ("x", "y", "z", "net", "loss", "fn", "layers", "cfg", "self", "cls", "A", "B", "Net", "step")
OPERATORS = ("+", "-", "*", "/", "@", "%", "//", "**", "|", "==", "<", ">", "is", "in", "and", "or")
CALLS = (
    "F.softmax({}, dim=1)", "{}.softmax(-1)", "torch.sigmoid({})", "torch.log({})", "nn.Linear(3, 3)({})",
    "{}.view(-1)",
    "nn.CrossEntropyLoss()({}, y)", "F.cross_entropy({}, y)", "F.nll_loss({}, y)", "nn.BCELoss()({}, y)", "A({})",
    "nn.Sequential(nn.Linear(3, 3), nn.Softmax(dim=1))({})", "fn({})", "getattr({}, 'softmax')(1)", "{}[0]", "{}[1:]",
    "functools.partial(F.softmax, dim=1)({})", "list(map(F.softmax, [{}]))", "next(iter([{}]))", "super().forward({})",
    "self.head({})", "self.loss({}, y)", "torch.stack([{}, z])", "{}.exp() / {}.exp().sum()", "sorted({})", "B()({})",
    "dict(a={})['a']", "zip({}, z)", "type({})({})", "eval({})", "globals()[{}]", "isinstance({}, A)", "vars({})",
)  # fmt: skip


class Grammar:
    """Draws programs. A program is a dict of files; depth keeps it finite."""

    def __init__(self, draw: random.Random) -> None:
        self.draw = draw

    def files(self) -> Files:
        """A project: of the grammar, or a case that was damaged."""
        if self.draw.random() < 0.4:
            return damaged(self.draw, self.draw.choice(CASES))
        count = self.draw.choice((1, 1, 2, 3))
        names = [f"m{number}" for number in range(count)]
        found = {f"{name}.py": self._module(names) for name in names}
        if count > 1 and self.draw.random() < 0.3:
            found["m0/__init__.py"] = found.pop("m0.py")
        return found

    def _module(self, names: Sequence[str]) -> str:
        lines = [HEAD]
        for name in names:
            lines.append(
                self.draw.choice(
                    (
                        f"import {name}",
                        f"from {name} import *",
                        f"from {name} import A, fn",
                        f"from . import {name}",
                        "",
                    )
                )
            )
        lines += self._block(0, 3 + self.draw.randrange(6))
        return "\n".join(lines) + "\n"

    def _block(self, depth: int, count: int) -> list[str]:
        lines = [line for _ in range(count) for line in self._statement(depth)]
        return lines or ["pass"]

    def _inner(self, depth: int) -> list[str]:
        return [f"    {line}" for line in self._block(depth + 1, 1 + self.draw.randrange(3))]

    def _statement(self, depth: int) -> list[str]:
        simple = (self._assignment, self._expression_statement, self._return, self._odd)
        compound = (self._if, self._for, self._while, self._try, self._with, self._function, self._class, self._match)
        return self.draw.choice(simple if depth > 3 or self.draw.random() < 0.5 else compound)(depth)

    def expression(self, depth: int = 0) -> str:
        kind = self.draw.randrange(12) if depth < 4 else 0
        inner: Callable[[], str] = lambda: self.expression(depth + 1)  # noqa: E731
        if kind <= 2:
            return self.draw.choice((*NAMES, "1", "0.5", "'softmax'", "None", "True", "self.head", "[]", "{}", "()"))
        if kind <= 5:
            return self.draw.choice(CALLS).replace("{}", f"({inner()})")
        forms = {
            6: lambda: f"({inner()} {self.draw.choice(OPERATORS)} {inner()})",
            7: lambda: f"({inner()} if {inner()} else {inner()})",
            8: lambda: f"[{inner()} for {self._name()} in {inner()} if {inner()}]",
            9: lambda: f"(lambda {self._name()}=None: {inner()})({inner()})",
            10: lambda: f"{self._name()}(*[{inner()}], **{{'a': {inner()}}})",
            11: lambda: f"({self._name()} := {inner()})",
        }
        return forms[kind]()

    def _name(self) -> str:
        return self.draw.choice(NAMES)

    def _assignment(self, depth: int) -> list[str]:
        target = self.draw.choice((self._name(), f"self.{self._name()}", f"{self._name()}[0]", "x, *y", "x = z", "A.b"))
        return [f"{target} = {self.expression()}"]

    def _expression_statement(self, depth: int) -> list[str]:
        return [
            self.draw.choice((self.expression(), f"layers.append({self.expression()})", f"x += {self.expression()}"))
        ]

    def _return(self, depth: int) -> list[str]:
        return [
            self.draw.choice((f"return {self.expression()}", "raise x", "pass", f"yield {self.expression()}", "break"))
        ]

    def _odd(self, depth: int) -> list[str]:
        return [
            self.draw.choice(
                ("global x", "nonlocal x", "del x", "assert x, y", "import m0", "x: int", "continue", "...")
            )
        ]

    def _if(self, depth: int) -> list[str]:
        more = ["else:", *self._inner(depth)] if self.draw.random() < 0.5 else []
        return [f"if {self.expression()}:", *self._inner(depth), *more]

    def _for(self, depth: int) -> list[str]:
        return [f"for {self._name()} in {self.expression()}:", *self._inner(depth)]

    def _while(self, depth: int) -> list[str]:
        return [f"while {self.expression()}:", *self._inner(depth)]

    def _try(self, depth: int) -> list[str]:
        return ["try:", *self._inner(depth), "except A as x:", *self._inner(depth), "finally:", *self._inner(depth)]

    def _with(self, depth: int) -> list[str]:
        return [f"with {self.expression()} as {self._name()}:", *self._inner(depth)]

    def _match(self, depth: int) -> list[str]:
        cases = (f"case {pattern}:" for pattern in ("1", "[x, *y]", "{'a': z}", "A(b=x)", "_"))
        lines = [f"    {line}" for case in cases for line in (case, *self._inner(depth))]
        return [f"match {self.expression()}:", *lines]

    def _function(self, depth: int) -> list[str]:
        name = self.draw.choice(("fn", "step", "forward", "__init__", "__call__", "__getattr__", "loss", "__iter__"))
        decorator = self.draw.choice(("", "", "@property", "@staticmethod", "@classmethod", "@fn", "@functools.cache"))
        spec = self.draw.choice(("self, x", "x, y=None", "*x, **y", "self, x, *, z=F.softmax", "self", ""))
        head = [decorator] if decorator else []
        return [*head, f"{self.draw.choice(('', '', 'async '))}def {name}({spec}):", *self._inner(depth)]

    def _class(self, depth: int) -> list[str]:
        bases = self.draw.choice(
            ("nn.Module", "A", "B", "A, B", "dict", "nn.CrossEntropyLoss", "object, metaclass=A", "x()")
        )
        return [f"class {self.draw.choice(('A', 'B', 'Net'))}({bases}):", *self._inner(depth)]


def damaged(draw: random.Random, files: Mapping[str, str]) -> Files:
    """A project some of whose lines and words were doubled, dropped, swapped or replaced."""
    found = dict(files)
    for _ in range(1 + draw.randrange(4)):
        name = draw.choice(sorted(found))
        lines = found[name].split("\n")
        at, other = draw.randrange(len(lines)), draw.randrange(len(lines))
        change = draw.randrange(7)
        if change == 0:
            lines.insert(at, lines[other])
        elif change == 1:
            del lines[at]
        elif change == 2:
            lines[at], lines[other] = lines[other], lines[at]
        elif change == 3:
            words = lines[at].split(" ")
            draw.shuffle(words)
            lines[at] = " ".join(words)
        elif change == 4:
            lines[at] = lines[at].replace(
                draw.choice(("(", ")", "self", "x", ".")), draw.choice(("", "[", "x", "super()"))
            )
        elif change == 5:
            lines[at] = "    " + lines[at]
        else:
            cut = draw.randrange(len(lines[at]) + 1)
            lines[at] = (
                lines[at][:cut]
                + draw.choice(("\t", "\f", "\\", "#", "'", "\x00", "é", "\u2028", "*", "lambda:"))
                + lines[at][cut:]
            )
        found[name] = "\n".join(lines)
    return found
