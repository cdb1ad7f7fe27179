"""What finds by its name what a file defines: `getattr`, `globals()`, settings files, exports of packages."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from rawlogits.static.repair.readers_project import Project
from rawlogits.static.repair.spot import Spot
from rawlogits.static.repair.taken_out_text import words

_BY_NAME = frozenset({"getattr", "attrgetter", "methodcaller", "eval", "get_submodule", "setattr", "delattr"})
_NAMESPACES = frozenset({"globals", "locals", "vars"})


@dataclass(eq=False)
class Lookups:
    """Looks in the files of a project for what may find something by its name."""

    project: Project

    def told(self, name: str) -> Iterator[tuple[Spot, ast.Constant]]:
        """The texts that are the name of what an expression gives: `getattr(x, "name")`, `globals()["name"]`."""
        quoted = rf"\b(?:{'|'.join(sorted(_BY_NAME | _NAMESPACES))}|__dict__|_modules)\b.*[\"']{re.escape(name)}[\"']"
        for spot in self.project.reading(self.project.index.matching(name, quoted), name):
            for node in words(spot.tree).get(name, ()):
                if isinstance(node, ast.Constant) and self.is_lookup(spot, node):
                    yield spot, node

    def is_lookup(self, spot: Spot, node: ast.Constant) -> bool:
        """Whether an expression gives what the text that it is given names."""
        parent = spot.parents.get(node)
        if isinstance(parent, ast.Call):
            return _word(parent) in _BY_NAME
        return isinstance(parent, ast.Subscript) and _is_namespace(parent.value)

    def computed(self, home: Spot, name: str) -> Iterator[tuple[Spot, ast.AST]]:
        """The expressions that may find by a computed name what a file defines."""
        for spot in self.project.holders(home, name):
            yield from ((spot, call) for word in ("globals", "eval") for call in _calls(spot, word))
        for word in ("getattr", "vars", "getmembers"):
            for spot in self.project.importing(home, word, name):
                for call in _calls(spot, word):
                    if not _is_literal(call) and self.project.is_namespace(spot, call.args[0], home, name):
                        yield spot, call
        for spot in self.project.importing(home, "__dict__", name):
            for node in words(spot.tree).get("__dict__", ()):
                if isinstance(node, ast.Attribute) and self.project.is_namespace(spot, node.value, home, name):
                    yield spot, node
        for word in ("import_module", "__import__"):
            for spot in self.project.importing(home, word, name):
                for call in _calls(spot, word):
                    head = _head(call.args[0])
                    if head and self.project.holds(home, spot, head, name):
                        yield spot, call

    def exports(self, home: Spot, name: str) -> Iterator[tuple[Spot, ast.AST]]:
        """The imports of everything in a package by which others get a name."""
        for spot in self.project.holders(home, name) if self.project.index.packaged else ():
            for node in words(spot.tree).get("*", ()) if spot.shown.endswith("__init__.py") else ():
                scope = "." * node.level + (node.module or "") if isinstance(node, ast.ImportFrom) else ""
                if scope and self.project.holds(home, spot, scope, name):
                    yield spot, node

    def settings(self, name: str) -> Iterator[tuple[str, int]]:
        """The lines of settings files that name something by its module: `_target_: net.Net`."""
        pattern = re.compile(rf"\b\w+[.:]{re.escape(name)}\b".encode())
        for shown, data in self.project.index.settings.items():
            for found in pattern.finditer(data) if name.encode() in data else ():
                yield shown, data.count(b"\n", 0, found.start()) + 1


def _word(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _calls(spot: Spot, word: str) -> Iterator[ast.Call]:
    """The calls of a function of that name; `globals()` alone is called without an argument, and `eval` on nothing."""
    for node in words(spot.tree).get(word, ()):
        call = spot.parents.get(node)
        is_method = word == "eval" and not isinstance(node, ast.Name)
        if isinstance(call, ast.Call) and call.func is node and bool(call.args) == (word != "globals"):
            yield from () if is_method else (call,)


def _is_namespace(node: ast.expr) -> bool:
    """`globals()`, `vars(x)`, `x.__dict__`, `x._modules`."""
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and node.func.id in _NAMESPACES
    return isinstance(node, ast.Attribute) and node.attr in ("__dict__", "_modules")


def _is_literal(call: ast.Call) -> bool:
    return len(call.args) > 1 and isinstance(call.args[1], ast.Constant)


def _head(node: ast.expr) -> str:
    """The text with which the name of a module begins, up to its last dot where the rest is computed."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    first = node.values[0] if isinstance(node, ast.JoinedStr) and node.values else node
    first = first.left if isinstance(first, ast.BinOp) else first
    return str(first.value).rpartition(".")[0] if isinstance(first, ast.Constant) else ""
